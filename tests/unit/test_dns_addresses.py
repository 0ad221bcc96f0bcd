"""Answers with addresses alone: what is read of them is what dnspython reads."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import reply
from kube_dns_conformance.dns import ask
from kube_dns_conformance.dns.addresses import asked, read
from kube_dns_conformance.dns.model import Question, Record

WEB = Question("web.shop.svc.cluster.local.", "A")
QUERY = ask.message(WEB)
NAME = QUERY[12:-15]
SEEN = [
    reply(QUERY, "10.0.0.1", "10.0.0.2"),
    reply(ask.message(Question(WEB.name, "A", None)), "10.0.0.1"),
    reply(ask.message(Question(WEB.name, "AAAA")), "fd00::1", "::ffff:10.0.0.1"),
    reply(QUERY, rcode="NXDOMAIN"),
    reply(QUERY, rcode="NXDOMAIN", soa=True),
    reply(QUERY, "10.0.0.1", "10.0.0.2").replace(b"\xc0\x0c", NAME),
]


def slowly(wire: bytes) -> dict[str, Any]:
    """The same by dnspython."""
    said = dns.message.from_wire(wire, one_rr_per_rrset=True)

    def records(section: list[dns.rrset.RRset]) -> tuple[Record, ...]:
        return tuple(
            Record(str(one.name).lower(), dns.rdatatype.to_text(one.rdtype), one.ttl, one[0].to_text())
            for one in section
        )

    return {
        "rcode": dns.rcode.to_text(said.rcode()),
        "truncated": bool(said.flags & dns.flags.TC),
        "records": records(said.answer),
        "authority": records(said.authority),
        "authoritative": bool(said.flags & dns.flags.AA),
        "edns_version": said.edns if said.edns >= 0 else None,
        "echoed": str(said.question[0].name),
    }


def quickly(wire: bytes, question: Question = WEB) -> Any:
    known = asked(ask.message(question), question.name)
    assert known
    return read(known, wire)


def answered(question: Question, *addresses: IPv4Address | IPv6Address, ttl: int, flags: int, rcode: int) -> bytes:
    made = dns.message.make_response(dns.message.from_wire(ask.message(question)))
    made.flags |= flags & (dns.flags.AA | dns.flags.TC | dns.flags.RA | dns.flags.AD | dns.flags.CD)
    made.set_rcode(dns.rcode.Rcode(rcode))
    rdtype = "A" if question.rdtype == "A" else "AAAA"
    made.answer += [dns.rrset.from_text(question.name, ttl, "IN", rdtype, str(one)) for one in addresses]
    return made.to_wire(max_size=65535)


def written_out(wire: bytes, count: int, size: int) -> bytes:
    """The same with the name in each of so many records, and no pointer to it. ``size`` is that of an address."""
    start, step = len(QUERY) - 11, 12 + size
    records = b"".join(NAME + wire[at + 2 : at + step] for at in range(start, start + count * step, step))
    return wire[:start] + records + wire[start + count * step :]


@given(
    st.lists(st.ip_addresses(v=4), max_size=40) | st.lists(st.ip_addresses(v=6), min_size=1, max_size=40),
    st.integers(0, 2**31 - 1),
    st.integers(0, 0xFFFF),
    st.integers(0, 10),
    st.sampled_from([None, 512, 1232]),
)
def test_addresses_are_read_as_dnspython_reads_them(
    addresses: list[Any], ttl: int, flags: int, rcode: int, payload: int | None
) -> None:
    question = Question(WEB.name, "AAAA" if addresses and addresses[0].version == 6 else "A", payload)
    wire = answered(question, *addresses, ttl=ttl, flags=flags, rcode=rcode)
    assert quickly(wire, question) == slowly(wire)
    # As CoreDNS writes its answers over TCP up to 64 KiB.
    long = written_out(wire, len(addresses), 16 if addresses and addresses[0].version == 6 else 4)
    assert quickly(long, question) == slowly(long)


@pytest.mark.parametrize(
    "name",
    ["Web.test.", "we b.test.", "w\\.eb.test.", "bücher.test.", "a@b.test.", "web.test"],
)
def test_a_name_that_can_be_written_otherwise_is_left_to_dnspython(name: str) -> None:
    assert asked(ask.message(Question(name, "A")), name) is None


def test_what_else_there_may_be_is_left_to_dnspython() -> None:
    assert [quickly(wire, Question(WEB.name, "AAAA" if at == 2 else "A")) is None for at, wire in enumerate(SEEN)] == [
        False,
        False,
        False,
        False,
        True,
        False,
    ]
    service = Question("_http._tcp.web.test.", "SRV")
    assert quickly(reply(ask.message(service), "0 100 80 web.test."), service) is None
    assert quickly(SEEN[0], Question("web.shop.svc.cluster.example.", "A")) is None


@given(st.integers(0, 5), st.lists(st.tuples(st.integers(2, 500), st.integers(0, 255)), max_size=4), st.integers(0, 40))
def test_what_is_read_of_a_damaged_answer_dnspython_reads_too(
    which: int, changes: list[tuple[int, int]], cut: int
) -> None:
    wire = bytearray(SEEN[which])
    for at, byte in changes:
        wire[at % len(wire)] = byte
    damaged = bytes(wire[: len(wire) - cut])
    found = quickly(damaged, Question(WEB.name, "AAAA" if which == 2 else "A"))
    assert found is None or found == slowly(damaged)


@given(st.binary(max_size=300))
def test_it_outlasts_any_bytes(rest: bytes) -> None:
    wire = QUERY[:2] + b"\x84\0" + QUERY[4:12] + QUERY[12:-11] + rest
    for one in (rest, wire):
        found = quickly(one)
        assert found is None or found == slowly(one)
