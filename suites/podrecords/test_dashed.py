"""Section 2.6: Pods by their addresses, which servers may leave out."""

from kube_dns_conformance.dns.compare import exactly, no_such_name
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.oracle import pod_addresses
from kube_dns_conformance.promises import pod_record_name


@requirement("podrecords.dashed.ipv4")
def test_a_pod_answers_under_its_address(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: own_address(situation, "A"), settled_at=situation.settled_at)


@requirement("podrecords.dashed.ipv6")
def test_a_pod_answers_under_its_ipv6_address(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: own_address(situation, "AAAA"), settled_at=situation.settled_at)


@requirement("podrecords.dashed.no-address")
def test_what_is_no_address_does_not_exist(situation: Situation, judge: Judge) -> None:
    names = [f"{label}.{situation.namespace}.pod.{situation.zone}." for label in ("1-2-3", "1-2-3-256", "web")]
    judge.insist(lambda: {Question(one, "A"): no_such_name() for one in names}, settled_at=situation.settled_at)


def own_address(situation: Situation, rdtype: str) -> Expectations:
    return {
        Question(pod_record_name(ip, situation.namespace, situation.zone), rdtype): exactly([ip])
        for ip in pod_addresses([situation.pod("web")], rdtype)
    }
