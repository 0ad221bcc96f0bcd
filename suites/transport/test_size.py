"""Answers of all sizes to clients that take messages of all sizes (RFC 1035 section 4.2.1, RFC 6891 section 6.2.5)."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import that
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations

SERVICES = ("small", "fifty", "hundred", "four-hundred")


@requirement("transport.size.no-edns")
def test_without_edns_every_answer_is_complete_or_says_that_it_is_not(situation: Situation, judge: Judge) -> None:
    insist_on_complete_answers(None, situation, judge)


@requirement("transport.size.bytes-512")
def test_in_512_bytes_every_answer_is_complete_or_says_that_it_is_not(situation: Situation, judge: Judge) -> None:
    insist_on_complete_answers(512, situation, judge)


@requirement("transport.size.bytes-1232")
def test_in_1232_bytes_every_answer_is_complete_or_says_that_it_is_not(situation: Situation, judge: Judge) -> None:
    insist_on_complete_answers(1232, situation, judge)


@requirement("transport.size.bytes-4096")
def test_in_4096_bytes_every_answer_is_complete_or_says_that_it_is_not(situation: Situation, judge: Judge) -> None:
    insist_on_complete_answers(4096, situation, judge)


@requirement("transport.size.truncation-said")
def test_what_cannot_fit_is_truncated_and_says_so(situation: Situation, judge: Judge) -> None:
    # 400 addresses take 6,400 bytes at least, however well the message is compressed.
    question = Question(situation.name_of("four-hundred"), "A", udp_payload=1232)
    must = that("a truncated message (TC)", not_truncated)
    judge.insist(lambda: {question: must}, settled_at=situation.settled_at, transports=("udp",), follow_truncated=False)


def insist_on_complete_answers(udp_payload: int | None, situation: Situation, judge: Judge) -> None:
    def expect() -> Expectations:
        known = expectations.promised(situation, "A", *map(situation.name_of, SERVICES))
        return {Question(one.name, one.rdtype, udp_payload): must for one, must in known.items()}

    judge.insist(expect, settled_at=situation.settled_at, transports=("udp",))


def not_truncated(answer: Answer) -> str:
    return "" if answer.truncated else f"{len(answer.records)} records in a message that says it is whole"
