"""Answers are a stranger's bytes: nothing that they hold may be taken for what was asked, or break what reads them."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import DnsServer, reply
from hostile import insist_on_an_end
from kube_dns_conformance.dns.ask import ask
from kube_dns_conformance.dns.compare import difference, exactly
from kube_dns_conformance.dns.model import Answer, Question, Transport

WEB = Question("web.test.", "A")
PLAIN = Question("web.test.", "A", None)


QUERY = dns.message.make_query("web.test.", "A").to_wire()
SEEN = [
    reply(QUERY, *(f"10.0.0.{one}" for one in range(20))),
    reply(QUERY, rcode="NXDOMAIN", soa=True),
    reply(dns.message.make_query("_http._tcp.web.test.", "SRV").to_wire(), "0 100 80 web.test."),
    reply(dns.message.make_query("web.test.", "TXT").to_wire(), '"<b>\\027[31m"'),
]


def answered_with(question: Question, transport: Transport, *values: str) -> Answer:
    with DnsServer(lambda query, _: reply(query, *values)) as server:
        return ask(question, server, transport, timeout=20.0)


@pytest.mark.parametrize(
    ("question", "count", "problem"),
    [
        (PLAIN, 30, None),  # 26 bytes of header and question, 16 for each record
        (PLAIN, 31, "answer of 522 bytes over UDP where at most 512 were offered to be taken"),
        (WEB, 74, None),
        (WEB, 75, "answer of 1237 bytes over UDP where at most 1232 were offered to be taken"),
        (Question("web.test.", "A", 100), 29, None),  # less than 512 cannot be offered
    ],
)
def test_an_answer_over_udp_is_no_larger_than_was_offered(question: Question, count: int, problem: str | None) -> None:
    values = [f"10.0.0.{one}" for one in range(count)]
    assert answered_with(question, "udp", *values).problem == problem
    assert answered_with(question, "tcp", *values).problem is None


def test_a_record_of_another_class_is_another_record() -> None:
    def hesiod(query: bytes, transport: Transport) -> bytes:
        message = dns.message.from_wire(reply(query, "10.0.0.1"))
        message.answer.append(dns.rrset.from_text("web.test.", 5, "HS", "A", r"\# 4 0a000001"))
        message.authority = [dns.rrset.from_text("test.", 5, "HS", "SOA", "ns.test. host.test. 1 2 3 4 5")]
        return message.to_wire()

    with DnsServer(hesiod) as server:
        answer = ask(WEB, server, timeout=20.0)
    assert [record.rdtype for record in answer.records] == ["A", "HS A"]
    assert answer.negative_ttl is None
    assert difference(exactly(["10.0.0.1"]), answer).extra == (r"web.test. HS A \# 4 0a000001",)


@given(st.binary(max_size=600))
def test_any_bytes_come_to_an_end(wire: bytes) -> None:
    insist_on_an_end(wire)


@given(
    st.integers(0, 3), st.lists(st.tuples(st.integers(2, 500), st.integers(0, 255)), max_size=8), st.integers(0, 500)
)
def test_a_damaged_answer_comes_to_an_end(which: int, changes: list[tuple[int, int]], cut: int) -> None:
    wire = bytearray(SEEN[which])
    for at, byte in changes:
        wire[at % len(wire)] = byte
    insist_on_an_end(bytes(wire[: len(wire) - cut % len(wire)]))
