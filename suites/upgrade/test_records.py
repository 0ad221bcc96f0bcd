"""What the records of all Services are after an upgrade, whoever made them."""

from kube_dns_conformance.fixtures import UpgradeJudge, requirement


@requirement("upgrade.records.kept")
def test_no_record_is_wrong_that_was_right(upgrade: UpgradeJudge) -> None:
    upgrade.no_record_worse()
