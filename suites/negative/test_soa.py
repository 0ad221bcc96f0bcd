"""RFC 2308 section 3: a denial carries the SOA record of the zone, which says how long it may be kept."""

from kube_dns_conformance.dns.compare import Expected, that
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("negative.soa.name-error")
def test_a_denied_name_comes_with_the_soa(situation: Situation, judge: Judge) -> None:
    question = Question(f"nobody.{situation.namespace}.svc.{situation.zone}.", "A")
    judge.insist(lambda: {question: with_soa(NAME_ERROR)}, settled_at=situation.settled_at)


@requirement("negative.soa.no-data")
def test_a_name_without_the_type_comes_with_the_soa(situation: Situation, judge: Judge) -> None:
    question = Question(situation.name_of("web"), "MX")
    judge.insist(lambda: {question: with_soa(NO_DATA)}, settled_at=situation.settled_at)


def with_soa(rcode: str) -> Expected:
    return that(f"{rcode} with one SOA record in the authority section", CHECKS[rcode])


def wrong(answer: Answer, rcode: str) -> str:
    soa = [one for one in answer.authority if one.rdtype == "SOA"]
    if answer.rcode != rcode:
        return f"{answer.rcode} instead of {rcode}"
    above = [one for one in soa if f".{answer.question.name}".lower().endswith(f".{one.name}")]
    return "" if len(soa) == len(above) == 1 else f"{len(soa)} SOA records, {len(above)} of a zone that has the name"


NAME_ERROR, NO_DATA = "NXDOMAIN", "NOERROR"
CHECKS = {NAME_ERROR: lambda answer: wrong(answer, NAME_ERROR), NO_DATA: lambda answer: wrong(answer, NO_DATA)}
