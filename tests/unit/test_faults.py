"""The faulty servers: each is named and declared, and each lies about something that is asked."""

from __future__ import annotations

import itertools
import time
from fnmatch import fnmatchcase

import dns.message
import dns.rrset
import pytest

from dns_server import DnsServer, Handler, Reply, records, reply
from faults import FAULTS, Fault, Upstream, served
from kube_dns_conformance.dns.model import Transport
from kube_dns_conformance.requirements import catalogue

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
    ),
]
WAYS: list[tuple[Transport, bool]] = [("udp", True), ("udp", False), ("tcp", False)]
"""With EDNS or without."""


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

    def ask(what: tuple[tuple[str, ...], tuple[Transport, bool]]) -> Reply:
        (name, rdtype), (transport, edns) = what
        query = dns.message.make_query(name, rdtype, use_edns=edns, payload=1232, id=7)
        return handler(query.to_wire(), transport)

    return [ask(what) for what in itertools.product(QUESTIONS, WAYS)]


def test_there_is_nobody_without_a_requirement_that_has_to_notice() -> None:
    for fault in FAULTS.values():
        assert fault.caught_by in catalogue(), fault.name
        for glob in fault.touches:
            assert any(fnmatchcase(one, glob) for one in catalogue()), f"{fault.name}: {glob}"
        assert fault.lie, fault.name


@pytest.mark.parametrize("fault", [one for name, one in FAULTS.items() if name != "too-late"], ids=lambda one: one.name)
def test_each_lies_about_something_that_is_asked(fault: Fault) -> None:
    table = {key: list(values) for key, values in TABLE.items()}
    with DnsServer(honest(table)) as server:
        upstream = Upstream(server)
        faulty = fault.handler(upstream)
        said(faulty)
        table[f"three.{ZONE} A"].pop()  # for those that live in the past
        assert said(faulty) != said(upstream.ask)


def test_what_is_late_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with DnsServer(honest(TABLE)) as server:
        upstream = Upstream(server)
        assert said(FAULTS["too-late"].handler(upstream)) == said(upstream.ask)
    assert set(slept) == {2.5}


def test_what_is_no_part_of_the_lie_is_passed_on_as_it_is() -> None:
    with DnsServer(honest(TABLE)) as server, served(FAULTS["ptr-missing"], server) as faulty:
        pairs = zip(
            itertools.product(QUESTIONS, WAYS), said(Upstream(faulty).ask), said(Upstream(server).ask), strict=True
        )
        differ = {question for (question, _), mine, real in pairs if mine != real}
    assert differ == {("1.0.0.10.in-addr.arpa.", "PTR")}
