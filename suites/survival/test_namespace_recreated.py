"""A namespace is deleted with all that is in it, and made again with the same names."""

from kube_dns_conformance import expectations
from kube_dns_conformance.change import observe
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_gone

SERVICE, HOSTNAMES = "web-headless", ["web-0", "web-1"]


@requirement("survival.namespace-recreated.names-follow")
def test_its_names_follow_to_the_new_pods(run: Run, situation: Situation, judge: Judge) -> None:
    def expect() -> Expectations:
        return {**expectations.headless(situation, SERVICE), **expectations.pods(situation, SERVICE, HOSTNAMES)}

    before = expect()

    def expect_or_gone() -> Expectations:
        return expect() if situation.has_service(SERVICE) else expectations.gone(before)

    change = observe(run, situation, expect_or_gone, situation.make_namespace_again)
    if change.before == change.after:
        raise ClusterError("the new Pods have the addresses of the old ones: nothing can be seen to follow")
    insist_followed(judge, change, change.after)
    insist_gone(judge, change)
