"""Section 2.4.1: the stable names of a StatefulSet's Pods."""

from kube_dns_conformance.dns.compare import Expected, exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement
from kube_dns_conformance.oracle import pod_addresses, pod_name


@requirement("statefulset.names.own-address")
def test_each_pod_answers_under_its_name_with_its_own_address(situation: Situation, judge: Judge) -> None:
    web = situation.service("web-headless")
    rdtype = available_rdtype(web)

    def expect() -> dict[Question, Expected]:
        return {
            Question(pod_name(pod, web, situation.zone), rdtype): exactly(pod_addresses([pod], rdtype))
            for pod in situation.pods("web-headless")
        }

    judge.insist(expect, settled_at=situation.settled_at)
