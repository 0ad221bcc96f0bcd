"""What whoever asked was told while the upgrade went on."""

from kube_dns_conformance.fixtures import UpgradeJudge, requirement
from kube_dns_conformance.upgrade.budget import LIES, SILENCES


@requirement("upgrade.answers.true")
def test_whoever_answered_told_the_truth(upgrade: UpgradeJudge) -> None:
    upgrade.never(LIES, everywhere=True)


@requirement("upgrade.answers.in-time")
def test_nobody_waited_longer_than_the_budget_allows(upgrade: UpgradeJudge) -> None:
    upgrade.never_longer()


@requirement("upgrade.answers.within-budget")
def test_no_cause_cost_more_than_the_budget_has_for_it(upgrade: UpgradeJudge) -> None:
    upgrade.never(SILENCES, everywhere=False)
