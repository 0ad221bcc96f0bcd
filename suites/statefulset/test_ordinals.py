"""StatefulSets that count from another number than 0."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("statefulset.ordinals.start")
def test_ordinals_from_five_answer_and_those_before_do_not_exist(situation: Situation, judge: Judge) -> None:
    hostnames = ["web-5", "web-6", "web-0", "web-4"]
    judge.insist(lambda: expectations.pods(situation, "web-headless", hostnames), settled_at=situation.settled_at)


@requirement("statefulset.ordinals.srv-targets")
def test_the_srv_records_of_its_service_lead_to_its_pods(situation: Situation, judge: Judge) -> None:
    names = expectations.srv_names(situation, "web-headless")
    judge.insist(lambda: expectations.promised(situation, "SRV", *names), settled_at=situation.settled_at)
