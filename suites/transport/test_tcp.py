"""DNS over TCP (RFC 7766)."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations


@requirement("transport.tcp.same-as-udp")
def test_answers_over_tcp_are_those_over_udp(situation: Situation, judge: Judge) -> None:
    judge.insist_alike(lambda: names_of_each_kind(situation), settled_at=situation.settled_at)


@requirement("transport.tcp.pipelined")
def test_questions_in_a_row_over_one_connection_are_all_answered(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: names_of_each_kind(situation), settled_at=situation.settled_at, transports=("pipelined",))


def names_of_each_kind(situation: Situation) -> Expectations:
    name = situation.name_of("web-headless")
    return {
        **expectations.regular(situation, "web"),
        **expectations.promised_addresses(situation, name, *(f"web-{ordinal}.{name}" for ordinal in range(3))),
        **expectations.promised(situation, "SRV", *expectations.srv_names(situation, "web-headless")),
    }
