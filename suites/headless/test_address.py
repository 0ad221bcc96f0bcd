"""Section 2.4.1: the addresses of a headless Service, also when they do not fit into a UDP message."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import exactly, no_such_name
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations


@requirement("headless.address.ipv4")
def test_every_ready_pod_has_one_a_record_and_nobody_else(situation: Situation, judge: Judge) -> None:
    insist_on_pod_addresses("three", "A", situation, judge)


@requirement("headless.address.ipv6")
def test_every_ready_pod_has_one_aaaa_record_and_nobody_else(situation: Situation, judge: Judge) -> None:
    insist_on_pod_addresses("three", "AAAA", situation, judge)


@requirement("headless.address.dual-stack")
def test_a_dual_stack_service_answers_every_pod_in_both_families(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.headless(situation, "three"), settled_at=situation.settled_at)


@requirement("headless.address.no-ready-endpoint")
def test_without_a_ready_pod_the_name_does_not_exist(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("empty")
    judge.insist(
        lambda: {Question(name, "A"): no_such_name(), Question(name, "AAAA"): no_such_name()},
        settled_at=situation.settled_at,
    )


@requirement("headless.address.complete-over-tcp")
def test_a_large_answer_is_complete_or_says_so_and_is_complete_over_tcp(situation: Situation, judge: Judge) -> None:
    # Without EDNS a UDP answer may hold 512 bytes. What comes back truncated is asked again over TCP and must then be
    # complete; an answer that is cut without saying so is missing records.
    def expect() -> Expectations:
        known = expectations.promised(situation, "A", situation.name_of("fifty"))
        return {Question(one.name, one.rdtype, udp_payload=None): must for one, must in known.items()}

    judge.insist(expect, settled_at=situation.settled_at)


def insist_on_pod_addresses(service: str, rdtype: str, situation: Situation, judge: Judge) -> None:
    judge.insist(
        lambda: {Question(situation.name_of(service), rdtype): exactly(situation.addresses(service, rdtype))},
        settled_at=situation.settled_at,
    )
