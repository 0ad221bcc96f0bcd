"""Section 2.4.1: the names of endpoints that have a hostname."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement

LONGEST = f"a{'b' * 61}c"


@requirement("headless.hostname.ipv4")
def test_a_hostname_answers_its_own_endpoint(situation: Situation, judge: Judge) -> None:
    insist_on_addresses("A", ["web-1", "web-10"], situation, judge)


@requirement("headless.hostname.ipv6")
def test_a_hostname_answers_its_own_ipv6_endpoint(situation: Situation, judge: Judge) -> None:
    insist_on_addresses("AAAA", ["web-1", "web-10"], situation, judge)


@requirement("headless.hostname.shared")
def test_a_hostname_of_several_endpoints_answers_all_that_are_ready(situation: Situation, judge: Judge) -> None:
    insist_on_addresses("A", ["shared"], situation, judge)


@requirement("headless.hostname.not-ready")
def test_the_hostname_of_an_endpoint_that_is_not_ready_does_not_exist(situation: Situation, judge: Judge) -> None:
    insist_on_addresses("A", ["unready"], situation, judge)


@requirement("headless.hostname.longest")
def test_a_hostname_of_63_letters_answers_like_any_other(situation: Situation, judge: Judge) -> None:
    insist_on_addresses("A", [LONGEST], situation, judge)


@requirement("headless.hostname.leading-digit")
def test_a_hostname_may_begin_with_a_digit(situation: Situation, judge: Judge) -> None:
    insist_on_addresses("A", ["0-leading-digit"], situation, judge)


def insist_on_addresses(rdtype: str, hostnames: list[str], situation: Situation, judge: Judge) -> None:
    names = [f"{one}.{situation.name_of('web')}" for one in hostnames]
    judge.insist(lambda: expectations.promised(situation, rdtype, *names), settled_at=situation.settled_at)
