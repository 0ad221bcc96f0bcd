"""Section 2.4 for a headless Service that has no port."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import nothing
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("headless.portless.address")
def test_it_answers_its_endpoints_all_the_same(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("portless")
    names = [name, f"first.{name}"]
    judge.insist(lambda: expectations.promised(situation, "A", *names), settled_at=situation.settled_at)


@requirement("headless.portless.no-srv")
def test_it_has_no_srv_record(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("portless")
    absent = [f"_http._tcp.{name}", f"_portless._tcp.{name}"]
    judge.insist(lambda: {Question(one, "SRV"): nothing() for one in absent}, settled_at=situation.settled_at)
