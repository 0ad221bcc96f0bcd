"""Section 2.3.1 for a Service whose EndpointSlices nobody's selector made."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("selectorless.clusterip.address")
def test_it_answers_its_cluster_ip_and_never_an_endpoint(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.regular(situation, "database"), settled_at=situation.settled_at)
