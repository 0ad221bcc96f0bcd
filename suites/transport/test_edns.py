"""Extended DNS (RFC 6891): what servers do with clients that can do more, or other things, than they."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import that
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement
from kube_dns_conformance.judge import Expectations

UNKNOWN_OPTION = 65001
"""The first one for local use (RFC 6891 section 9)."""


@requirement("transport.edns.answered")
def test_who_asks_with_edns_is_answered_with_edns(situation: Situation, judge: Judge) -> None:
    must = that("an OPT record of version 0", without_edns)
    judge.insist(lambda: {Question(situation.name_of("web"), "A"): must}, settled_at=situation.settled_at)


@requirement("transport.edns.not-forced")
def test_who_asks_without_edns_is_answered_without(situation: Situation, judge: Judge) -> None:
    must = that("no OPT record", with_edns)
    question = Question(situation.name_of("web"), "A", udp_payload=None)
    judge.insist(lambda: {question: must}, settled_at=situation.settled_at)


@requirement("transport.edns.unknown-version")
def test_a_version_that_does_not_exist_is_refused_as_such(situation: Situation, judge: Judge) -> None:
    must = that("BADVERS", not_refused)
    question = Question(situation.name_of("web"), "A", edns_version=1)
    judge.insist(lambda: {question: must}, settled_at=situation.settled_at)


@requirement("transport.edns.unknown-option")
def test_an_option_that_nobody_knows_is_ignored(situation: Situation, judge: Judge) -> None:
    web = situation.service("web")
    name, rdtype = situation.name_of("web"), available_rdtype(web)

    def expect() -> Expectations:
        known = expectations.promised(situation, rdtype, name)
        return {Question(name, rdtype, edns_option=UNKNOWN_OPTION): must for must in known.values()}

    judge.insist(expect, settled_at=situation.settled_at)


def without_edns(answer: Answer) -> str:
    return "" if answer.edns_version == 0 else f"{answer.rcode} {_edns(answer)}"


def with_edns(answer: Answer) -> str:
    return "" if answer.edns_version is None else f"{answer.rcode} {_edns(answer)}"


def _edns(answer: Answer) -> str:
    return "without EDNS" if answer.edns_version is None else f"with EDNS version {answer.edns_version}"


def not_refused(answer: Answer) -> str:
    return "" if answer.rcode == "BADVERS" else answer.said()
