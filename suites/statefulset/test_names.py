"""Section 2.4.1: the stable names of a StatefulSet's Pods."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement
from kube_dns_conformance.promises import reverse_name


@requirement("statefulset.names.own-address")
def test_each_pod_answers_under_its_name_with_its_own_address(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.pods(situation, "web-headless"), settled_at=situation.settled_at)


@requirement("statefulset.names.reverse")
def test_the_address_of_each_pod_leads_to_its_name(situation: Situation, judge: Judge) -> None:
    rdtype = available_rdtype(situation.service("web-headless"))
    names = [reverse_name(ip) for ip in situation.addresses("web-headless", rdtype)]
    judge.insist(lambda: expectations.promised(situation, "PTR", *names), settled_at=situation.settled_at)


@requirement("statefulset.names.beyond-replicas")
def test_an_ordinal_that_is_not_there_does_not_exist(situation: Situation, judge: Judge) -> None:
    beyond = [f"web-{situation.replicas('StatefulSet', 'web')}", "web", "web-01"]
    judge.insist(lambda: expectations.pods(situation, "web-headless", beyond), settled_at=situation.settled_at)
