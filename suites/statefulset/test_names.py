"""Section 2.4.1: the stable names of a StatefulSet's Pods."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("statefulset.names.own-address")
def test_each_pod_answers_under_its_name_with_its_own_address(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.pods(situation, "web-headless"), settled_at=situation.settled_at)
