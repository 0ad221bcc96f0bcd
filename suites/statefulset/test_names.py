"""Section 2.4.1: the stable names of a StatefulSet's Pods."""

import pytest

from kube_dns_conformance.dns.compare import Expected, exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement
from kube_dns_conformance.oracle import pod_addresses, pod_name


@pytest.mark.parametrize("service", ["web-headless", "dozen-headless"])
@requirement("statefulset.names.own-address")
def test_each_pod_answers_under_its_name_with_its_own_address(situation: Situation, judge: Judge, service: str) -> None:
    rdtype = available_rdtype(situation.service(service))

    def expect() -> dict[Question, Expected]:
        owner = situation.service(service)
        return {
            Question(pod_name(pod, owner, situation.zone), rdtype): exactly(pod_addresses([pod], rdtype))
            for pod in situation.pods(service)
        }

    judge.insist(expect, settled_at=situation.settled_at)
