"""The faulty servers: each is named and declared, and each lies about something that is asked."""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

import dns.edns
import dns.message
import dns.rrset
import pytest

from dns_server import DnsServer, Handler, Reply, records, reply
from faults import FAULTS, Fault, Needs, Upstream, served
from faults.behind import CHANGES
from kube_dns_conformance.agent import exchange as agent
from kube_dns_conformance.agent.exchange import Request
from kube_dns_conformance.dns.ask import answer
from kube_dns_conformance.dns.compare import Expected, difference, exactly, no_data, no_such_name
from kube_dns_conformance.dns.model import Answer, Question, Record, Server, Transport
from kube_dns_conformance.dns.quick import Quick
from kube_dns_conformance.requirements import catalogue

SERVER = Server("faulty", "127.0.0.1")
ZONE = "shop.svc.cluster.local."
MANY = [f"10.2.{number // 250}.{number % 250}" for number in range(120)]
TABLE = {
    "dns-version.cluster.local. TXT": ['"1.1.0"'],
    f"web.{ZONE} A": ["10.96.0.1"],
    f"web.{ZONE} AAAA": ["2001:db8::1"],
    f"_http._tcp.web.{ZONE} SRV": [f"0 100 80 web.{ZONE}"],
    f"three.{ZONE} A": ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
    f"_http._tcp.three.{ZONE} SRV": [f"0 50 80 {pod}.three.{ZONE}" for pod in ("web-1", "web-10")],
    f"web-1.three.{ZONE} A": ["10.0.0.1"],
    f"web-0.three.{ZONE} A": ["10.0.0.2"],
    f"web-10.three.{ZONE} A": ["10.0.0.3"],
    "1.0.0.10.in-addr.arpa. PTR": [f"web-1.three.{ZONE}"],
    "2.0.0.10.in-addr.arpa. PTR": [f"web-0.three.{ZONE}"],
    f"web0.{ZONE} A": ["10.96.0.5"],
    "web.lab.svc.cluster.local. A": ["10.96.0.6"],
    f"many.{ZONE} A": MANY,
    f"four.{ZONE} A": ["10.96.0.4"],
    "10-0-0-1.shop.pod.cluster.local. A": ["10.0.0.1"],
    f"alias.{ZONE} CNAME": [f"web.{ZONE}"],
}
QUESTIONS = [
    *(tuple(key.split()) for key in TABLE),
    *(
        (f"WEB.{ZONE}", "A"),
        (f"alias.{ZONE}", "A"),
        (f"web.{ZONE}", "MX"),
        (f"web.{ZONE}", "TYPE65280"),
        (f"four.{ZONE}", "AAAA"),
        (f"nobody.{ZONE}", "A"),
        (f"nobody.three.{ZONE}", "A"),
        ("three.shop.nobody.cluster.local.", "A"),
        ("nobody.three.svc.cluster.local.", "A"),
        (f"_http._udp.web.{ZONE}", "SRV"),
        (f"_nobody._tcp.web.{ZONE}", "SRV"),
    ),
]
NOT_HERE = {"too-late", "edns-any-version"}
SEEN_HERE = [one for one in FAULTS.values() if one.needs is not Needs.API and one.name not in NOT_HERE]
"""All but those that need a cluster or a server that knows EDNS, and one that is right."""
OPTION = dns.edns.GenericOption("65001", b"")
Way = tuple[Transport, bool, list[dns.edns.Option]]
WAYS: list[Way] = [("udp", True, []), ("udp", False, []), ("tcp", False, [])]
"""With EDNS or without, and with which options."""
ASKED: list[tuple[tuple[str, ...], Way]] = [
    *itertools.product(QUESTIONS, WAYS),
    ((f"web.{ZONE}", "A"), ("udp", True, [OPTION])),
]


class Near(Upstream):
    """A real server in this process: what goes over the wire is the matter of other tests."""

    def __init__(self, table: dict[str, list[str]]) -> None:
        super().__init__(Server("near", "127.0.0.1"))
        self.serve(table)

    def serve(self, table: dict[str, list[str]]) -> None:
        self._handler = functools.cache(honest(table))

    def ask(self, wire: bytes, transport: Transport) -> bytes:
        answer = self._handler(wire, transport)
        assert isinstance(answer, bytes)
        return answer


def honest(addresses: dict[str, list[str]]) -> Handler:
    """A server of the table that follows an alias, as CoreDNS does."""

    def handle(query: bytes, transport: Transport) -> Reply:
        question = dns.message.from_wire(query).question[0]
        if str(question.name) != f"alias.{ZONE}" or question.rdtype != 1:
            return records(addresses)(query, transport)
        answer = dns.message.from_wire(reply(query))
        answer.answer = [
            dns.rrset.from_text(question.name, 5, "IN", "CNAME", f"web.{ZONE}"),
            dns.rrset.from_text(f"web.{ZONE}", 5, "IN", "A", "10.96.0.1"),
        ]
        return answer.to_wire()

    return handle


def said(handler: Handler) -> list[Reply]:
    """What is said to every question, in every way."""

    def ask(what: tuple[tuple[str, ...], Way]) -> Reply:
        (name, rdtype), (transport, edns, options) = what
        query = dns.message.make_query(name, rdtype, use_edns=edns, payload=1232, options=options, id=7)
        return handler(query.to_wire(), transport)

    return [ask(what) for what in ASKED]


def test_there_is_nobody_without_a_requirement_that_has_to_notice() -> None:
    for fault in FAULTS.values():
        assert fault.caught_by in catalogue() or not fault.is_lie, fault.name
        for glob in fault.touches:
            assert any(fnmatchcase(one, glob) for one in catalogue()), f"{fault.name}: {glob}"
        assert fault.lie, fault.name


@pytest.mark.parametrize("fault", SEEN_HERE, ids=lambda one: one.name)
def test_each_lies_about_something_that_is_asked(fault: Fault) -> None:
    upstream = Near(TABLE)
    faulty = fault.handler(upstream)
    said(faulty)
    upstream.serve(TABLE | {f"three.{ZONE} A": ["10.0.0.1", "10.0.0.2"]})  # for those that live in the past
    assert said(faulty) != said(upstream.ask)


@pytest.mark.parametrize("fault", SEEN_HERE, ids=lambda one: one.name)
def test_the_fast_way_to_ask_notices_what_the_slow_way_notices(fault: Fault) -> None:
    upstream = Near(TABLE)
    faulty = fault.handler(upstream)
    heard: list[bytes] = []

    def stream(requests: Iterable[Request]) -> Iterator[tuple[int, agent.Reply]]:
        for index, request in enumerate(requests):
            said = faulty(request.wire, "udp")
            datagrams = [said] if isinstance(said, bytes) else said or ()
            heard[:] = [one for one in datagrams if one[:2] == request.wire[:2]][:1]
            yield index, replied(heard)

    quick = Quick(stream, 1.0)
    for table in (TABLE, TABLE | {f"three.{ZONE} A": ["10.0.0.1", "10.0.0.2"]}):
        upstream.serve(table)
        for question, expected in promised(table):
            found = [doubt.heard.answer for doubt in quick.ask([(quick.prepare(question, expected), SERVER)])]
            slow = answer(question, SERVER, "udp", replied(heard))
            assert list(wrong(found, expected)) == list(wrong([slow], expected)), question


def replied(heard: list[bytes]) -> agent.Reply:
    return agent.Reply(0.0, 0.0, heard[0]) if heard else agent.Reply(0.0, 1.0, problem="no answer within 1 s")


def wrong(answers: Sequence[Answer], expected: Expected) -> Iterator[tuple[Answer, str]]:
    for one in answers:
        if found := difference(expected, one):
            yield one, str(found)


def promised(table: dict[str, list[str]]) -> Iterator[tuple[Question, Expected]]:
    """What an honest server of the table must say, as far as there is one way to say it."""
    for name, rdtype in QUESTIONS:
        values = table.get(f"{name} {rdtype}", ())
        reduced = [Record(name, rdtype, 5, one).value for one in values]
        exists = any(key.split()[0] == name.lower() for key in table)
        if not name.startswith("alias."):
            yield Question(name, rdtype), exactly(reduced) if reduced else no_data() if exists else no_such_name()


def test_what_is_late_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    upstream = Near(TABLE)
    assert said(FAULTS["too-late"].handler(upstream)) == said(upstream.ask)
    assert set(slept) == {2.5}


def test_what_is_no_part_of_the_lie_is_passed_on_as_it_is() -> None:
    with DnsServer(honest(TABLE)) as server, served(FAULTS["ptr-missing"], Upstream(server)) as faulty:
        pairs = zip(ASKED, said(Upstream(faulty).ask), said(Upstream(server).ask), strict=True)
        differ = {question for (question, _), mine, real in pairs if mine != real}
    assert differ == {("1.0.0.10.in-addr.arpa.", "PTR"), ("2.0.0.10.in-addr.arpa.", "PTR")}


def test_what_the_real_server_said_first_is_remembered_first_also_when_it_comes_last() -> None:
    # Seen on a busy machine: the old answer came after the new one, and was old news once more.
    second = threading.Event()
    (query, old), new = asked_for(["10.0.0.1"]), asked_for(["10.0.0.2"])[1]
    answers: Iterator[tuple[bytes, Callable[[], object]]] = iter(
        [(old, bool), (old, functools.partial(second.wait, 0.3)), (new, second.set)]
    )

    class Slow(Near):
        def ask(self, wire: bytes, transport: Transport) -> bytes:
            answer, then = next(answers)
            then()
            return wire[:2] + answer[2:]

    CHANGES.clear()
    handler = FAULTS["stale-for-ever"].handler(Slow(TABLE))
    handler(query, "udp")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(handler, query, "udp")
        while not first.running():
            pass
        pool.submit(handler, query, "udp").result()
        first.result()
    assert [(one.name, one.rdtype) for one in CHANGES] == [(f"three.{ZONE}", "A")]


def asked_for(addresses: list[str]) -> tuple[bytes, bytes]:
    """A question, and an answer to it."""
    query = dns.message.make_query(f"three.{ZONE}", "A")
    answer = dns.message.make_response(query)
    answer.answer = [dns.rrset.from_text(query.question[0].name, 5, "IN", "A", *addresses)]
    return query.to_wire(), answer.to_wire()
