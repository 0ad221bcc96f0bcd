"""How long answers may be kept: a client that obeys the TTL must not go on with what is no longer true."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import that
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement


@requirement("ttl.records.alike")
def test_all_records_of_an_rrset_have_the_same_ttl(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("web-headless")
    questions = [
        Question(name, "A"),
        *(Question(one, "SRV") for one in expectations.srv_names(situation, "web-headless")),
    ]
    must = that("several records, all with the same TTL", differing)
    judge.insist(lambda: dict.fromkeys(questions, must), settled_at=situation.settled_at)


@requirement("ttl.records.bounded")
def test_the_addresses_of_pods_are_not_to_be_kept_for_long(situation: Situation, judge: Judge) -> None:
    name, most = situation.name_of("web-headless"), judge.timings.ttl
    must = that(f"records with a TTL of at most {most:g} s", lambda answer: longer(answer, most))
    judge.insist(lambda: {Question(one, "A"): must for one in (name, f"web-0.{name}")}, settled_at=situation.settled_at)


@requirement("ttl.records.can-be-kept")
def test_the_address_of_a_service_can_be_kept(situation: Situation, judge: Judge) -> None:
    question = Question(situation.name_of("web"), available_rdtype(situation.service("web")))
    must = that("a record with a TTL above 0 s", none_or_zero)
    judge.insist(lambda: {question: must}, settled_at=situation.settled_at)


@requirement("ttl.records.denials-bounded")
def test_a_denial_is_not_to_be_kept_for_long(situation: Situation, judge: Judge) -> None:
    question, most = Question(f"web-3.{situation.name_of('web-headless')}", "A"), judge.timings.ttl
    must = that(f"NXDOMAIN that may be kept for at most {most:g} s", lambda answer: denied_for_longer(answer, most))
    judge.insist(lambda: {question: must}, settled_at=situation.settled_at)


def differing(answer: Answer) -> str:
    known = sorted({record.ttl for record in answer.records})
    if len(answer.records) > 1 and len(known) == 1:
        return ""
    return f"TTLs of {' and '.join(map(str, known))} s" if len(known) > 1 else answer.said()


def longer(answer: Answer, most: float) -> str:
    longest = max((record.ttl for record in answer.records), default=None)
    if longest is None:
        return answer.said()
    return f"a TTL of {longest} s" if longest > most else ""


def none_or_zero(answer: Answer) -> str:
    if not answer.records:
        return answer.said()
    return "" if min(record.ttl for record in answer.records) > 0 else "a TTL of 0 s"


def denied_for_longer(answer: Answer, most: float) -> str:
    if answer.rcode != "NXDOMAIN":
        return answer.said()
    return (
        f"an SOA record that lets the denial be kept for {answer.negative_ttl} s"
        if (answer.negative_ttl or 0) > most
        else ""
    )
