"""The faulty servers: each is named and declared, and each lies about something that is asked."""

from __future__ import annotations

import itertools
from fnmatch import fnmatchcase

import dns.message
import dns.rrset
import pytest

from dns_server import DnsServer, Handler, Reply, records, reply
from faults import FAULTS, Fault, served
from kube_dns_conformance.agent.exchange import Request, exchange
from kube_dns_conformance.dns.model import Server, Transport
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
    f"alias.{ZONE} CNAME": [f"web.{ZONE}"],
}
QUESTIONS = [
    *(tuple(key.split()) for key in TABLE),
    *((f"WEB.{ZONE}", "A"), (f"alias.{ZONE}", "A"), (f"web.{ZONE}", "MX"), (f"nobody.{ZONE}", "A")),
]


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


def said(server: Server) -> list[tuple[bytes, str | None]]:
    """What a server says to every question, over UDP with and without EDNS and over TCP, and what was wrong with it."""
    found = []
    for (name, rdtype), transport, edns in itertools.product(QUESTIONS, ("udp", "tcp"), (True, False)):
        query = dns.message.make_query(name, rdtype, use_edns=edns, payload=1232, id=7)
        got = exchange(Request(server.host, server.port, transport, query.to_wire(), 0.1))
        found.append((got.wire, got.problem))
    return found


def test_there_is_nobody_without_a_requirement_that_has_to_notice() -> None:
    for fault in FAULTS.values():
        assert fault.caught_by in catalogue(), fault.name
        for glob in fault.touches:
            assert any(fnmatchcase(one, glob) for one in catalogue()), f"{fault.name}: {glob}"
        assert fault.lie, fault.name


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_each_lies_about_something_that_is_asked(fault: Fault) -> None:
    table = {key: list(values) for key, values in TABLE.items()}
    with DnsServer(honest(table)) as upstream, served(fault, upstream) as faulty:
        first = said(faulty)
        assert len(first) == 4 * len(QUESTIONS)
        table[f"three.{ZONE} A"].pop()  # for those that live in the past
        assert said(faulty) != said(upstream)


def test_what_is_no_part_of_the_lie_is_passed_on_as_it_is() -> None:
    with DnsServer(honest(TABLE)) as upstream, served(FAULTS["ptr-missing"], upstream) as faulty:
        differ = [
            question
            for question, mine, real in zip(
                itertools.chain.from_iterable([one] * 4 for one in QUESTIONS), said(faulty), said(upstream), strict=True
            )
            if mine != real
        ]
    assert differ == [("1.0.0.10.in-addr.arpa.", "PTR")] * 4
