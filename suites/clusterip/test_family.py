"""Section 2.3.1: which address families a Service with a ClusterIP answers, whatever is behind it."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("clusterip.family.both")
def test_a_dual_stack_service_answers_a_cluster_ip_of_each_family(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("both")
    judge.insist(lambda: expectations.promised_addresses(situation, name), settled_at=situation.settled_at)


@requirement("clusterip.family.other-no-data")
def test_the_family_that_a_service_does_not_have_is_no_data(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("single")
    judge.insist(lambda: expectations.promised_addresses(situation, name), settled_at=situation.settled_at)


@requirement("clusterip.family.no-endpoint")
def test_without_a_ready_pod_a_service_answers_its_cluster_ip(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.regular(situation, "both"), settled_at=situation.settled_at)
