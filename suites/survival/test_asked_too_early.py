"""A name is asked for before its Pod exists, so that caches keep that it does not; then the Pod comes."""

from kube_dns_conformance import expectations
from kube_dns_conformance.change import observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed

SERVICE = "web-headless"


@requirement("survival.asked-too-early.appears")
def test_its_name_appears_when_the_denial_may_not_be_kept_any_longer(
    run: Run, situation: Situation, judge: Judge
) -> None:
    def expect() -> Expectations:
        return expectations.pods(situation, SERVICE, ["web-0", "web-1"])

    change = observe(run, situation, expect, lambda: situation.scale("StatefulSet", "web", 2))
    insist_followed(judge, change, change.after)
