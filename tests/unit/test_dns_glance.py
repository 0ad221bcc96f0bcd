"""A glance says right only of what the closer look says right of; and of what servers usually answer it does."""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import taken
from kube_dns_conformance.agent.exchange import Reply
from kube_dns_conformance.dns.ask import message
from kube_dns_conformance.dns.compare import (
    ANY_LABEL,
    Choice,
    Expected,
    alias,
    at_least,
    difference,
    exactly,
    no_data,
    no_such_name,
    nothing,
)
from kube_dns_conformance.dns.glance import Known, Prepared
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.dns.plain import Plain
from kube_dns_conformance.dns.quick import Heard

ZONE = "cluster.local."
SERVER = Server("dns-0", "192.0.2.53", 53, single=True)
SOA = dns.rrset.from_text(ZONE, 5, "IN", "SOA", f"ns.dns.{ZONE} hostmaster.{ZONE} 1 7200 1800 86400 5")
WEB = f"web.shop.svc.{ZONE}"
POD = f"web-0.{WEB}"


NAMELESS = f"{ANY_LABEL}{WEB}"


class Case(NamedTuple):
    question: Question
    expected: Expected
    rcode: str = "NOERROR"
    values: tuple[str, ...] = ()
    rdtype: str = ""
    """Of the records, where it is not what was asked for."""


CASES = {
    "one address": Case(Question(WEB, "A"), exactly(["10.96.0.7"]), values=("10.96.0.7",)),
    "addresses": Case(
        Question(WEB, "A"), exactly(["10.0.0.1", "10.0.0.2", "10.0.0.9"]), values=("10.0.0.9", "10.0.0.1", "10.0.0.2")
    ),
    "IPv6": Case(Question(WEB, "AAAA"), exactly(["fd00::1"]), values=("fd00::1",)),
    "SRV": Case(
        Question(f"_http._tcp.{WEB}", "SRV"),
        exactly([f"80 {POD}", f"8080 {POD}"]),
        values=(f"0 50 8080 {POD}", f"9 50 80 {POD}"),
    ),
    "PTR": Case(Question("7.0.96.10.in-addr.arpa.", "PTR"), exactly([WEB]), values=(WEB,)),
    "at least": Case(Question("9.0.0.10.in-addr.arpa.", "PTR"), at_least([POD]), values=(POD,)),
    "alias": Case(Question(WEB, "CNAME"), alias("db.example.org."), values=("db.example.org.",)),
    "alias, asked for addresses": Case(
        Question(WEB, "A"), alias("db.example.org."), values=("db.example.org.",), rdtype="CNAME"
    ),
    "no data": Case(Question(WEB, "AAAA"), no_data()),
    "no such name": Case(Question(f"nope.{WEB}", "A"), no_such_name(), "NXDOMAIN"),
    "nothing, as no data": Case(Question(f"nope.{WEB}", "A"), nothing()),
    "nothing, as no such name": Case(Question(f"nope.{WEB}", "A"), nothing(), "NXDOMAIN"),
}


CHOICES = {
    "PTR": Case(
        Question("9.0.0.10.in-addr.arpa.", "PTR"),
        at_least([], [Choice(frozenset({NAMELESS}))]),
        values=(f"10-0-0-9.{WEB}",),
    ),
    "SRV": Case(
        Question(f"_http._tcp.{WEB}", "SRV"),
        at_least([], [Choice(frozenset({f"80 {NAMELESS}"}), 2)]),
        values=(f"0 50 80 10-0-0-9.{WEB}", f"0 50 80 10-0-0-8.{WEB}"),
    ),
    "SRV, ports and hostnames": Case(
        Question(f"_http._tcp.{WEB}", "SRV"),
        exactly([f"80 {POD}"], [Choice(frozenset({f"80 {NAMELESS}", f"8080 {NAMELESS}"}), 2)]),
        values=(f"0 50 8080 a.{WEB}", f"0 50 80 b.{WEB}", f"0 50 80 {POD}"),
    ),
}


def said(case: Case, *, edns: bool = True, compress: bool = True) -> bytes:
    """What a server that is right says. CoreDNS compresses no names, others do."""
    reply = dns.message.make_response(dns.message.from_wire(Plain(case.question).query))
    reply.flags |= dns.flags.AA | dns.flags.RA
    reply.set_rcode(dns.rcode.from_text(case.rcode))
    for one in case.values:
        reply.answer.append(dns.rrset.from_text(case.question.name, 5, "IN", case.rdtype or case.question.rdtype, one))
    if not case.values:
        reply.authority.append(SOA)
    if not edns:
        reply.use_edns(False)
    for one in case.values if case.question.rdtype == "SRV" else ():
        reply.additional.append(dns.rrset.from_text(one.split()[-1], 5, "IN", "A", "10.0.0.1"))
    return reply.to_wire() if compress else uncompressed(reply)


def uncompressed(message: dns.message.Message) -> bytes:
    """The same message with every name in full."""
    out = io.BytesIO()
    counts = [len(message.question), len(message.answer), len(message.authority), len(message.additional)]
    counts[3] += message.opt is not None
    out.write(struct.pack("!6H", message.id, int(message.flags), *counts))
    for question in message.question:
        question.name.to_wire(out)
        out.write(struct.pack("!HH", question.rdtype, question.rdclass))
    for section in (message.answer, message.authority, message.additional, [message.opt] if message.opt else []):
        for rrset in section:
            rrset.to_wire(out)
    return out.getvalue()


def is_right_by_all_means(case: Case, wire: bytes) -> bool:
    return not difference(case.expected, taken(wire, "udp", case.question))


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("edns", [True, False])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_right_is_seen_at_a_glance(case: Case, edns: bool, compress: bool) -> None:
    prepared = Prepared(case.question, case.expected, Known())
    assert prepared.knows
    wire = said(case, edns=edns, compress=compress)
    assert is_right_by_all_means(case, wire)
    if case.question.rdtype == "SRV" and compress:
        return  # dnspython lets targets point elsewhere as well: looked at
    assert prepared.is_right(wire) is bool(case.values)  # a denial has to have been looked at once
    prepared.learn(wire)
    assert prepared.is_right(wire)


def test_a_denial_that_was_looked_at_once_is_known_in_answers_to_other_questions_of_the_zone() -> None:
    known = Known()
    first, second, elsewhere = (Question(f"{one}.svc.{ZONE}", "A") for one in ("ab", "cd", "longer"))
    Prepared(first, no_such_name(), known).learn(said(Case(first, no_such_name(), "NXDOMAIN")))
    assert Prepared(second, no_such_name(), known).is_right(said(Case(second, no_such_name(), "NXDOMAIN")))
    assert not Prepared(elsewhere, no_such_name(), known).is_right(said(Case(elsewhere, no_such_name(), "NXDOMAIN")))
    assert len(known.denials) == 1


def test_a_denial_that_points_into_the_rest_of_the_name_is_not_known_in_answers_to_others() -> None:
    question = Question(f"web.{ZONE}", "A")
    wire = bytearray(said(Case(question, no_such_name(), "NXDOMAIN")))
    at = wire.index(b"\xc0", 12 + len("web.cluster.local.") + 1 + 4 + 12)  # the zone at the end of the SOA's server
    wire[at : at + 2] = b"\xc0\x0c"
    assert is_right_by_all_means(Case(question, no_such_name()), bytes(wire))
    known = Known()
    Prepared(question, no_such_name(), known).learn(bytes(wire))
    assert Prepared(question, no_such_name(), known).is_right(bytes(wire))
    wire[12:16] = b"\x03api"
    assert not Prepared(Question(f"api.{ZONE}", "A"), no_such_name(), known).is_right(bytes(wire))


@pytest.mark.parametrize(
    "expected",
    [
        alias("example.org.", ["10.0.0.1"]),
        alias("*.example.org."),
        exactly(["10.0.0.1"], [Choice(frozenset({"10.0.0.2", "10.0.0.3"}))]),
        exactly([], [Choice(frozenset({f"{ANY_LABEL}{WEB}"}))]),
    ],
    ids=str,
)
def test_what_leaves_the_server_a_choice_is_looked_at(expected: Expected) -> None:
    glance = Prepared(Question(WEB, "A"), expected, Known())
    assert not glance.knows
    assert glance.chosen(glance.records(said(Case(Question(WEB, "A"), expected, values=("10.0.0.1",))))) is None


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("PTR", [f"10-0-0-9.{WEB}"]),
        ("SRV", [f"10-0-0-8.{WEB}", f"10-0-0-9.{WEB}"]),
        ("SRV, ports and hostnames", [f"a.{WEB}", f"b.{WEB}"]),
    ],
)
def test_the_names_of_the_servers_choice_are_seen_at_a_glance(case: str, names: list[str]) -> None:
    one = CHOICES[case]
    glance = Prepared(one.question, one.expected, Known())
    wire = said(one, compress=False)
    assert sorted(glance.chosen(glance.records(wire)) or ()) == names == chosen_by_all_means(one, wire)
    assert not glance.is_right(wire)  # nobody knows yet where they lead


def test_additional_names_may_point_to_the_targets_as_those_of_coredns_do() -> None:
    case = CASES["SRV"]
    glance = Prepared(case.question, case.expected, Known())
    whole = said(case, edns=False, compress=False)
    name = b"".join(bytes([len(one)]) + one.encode() for one in POD.split(".")[:-1]) + b"\0"
    first = whole.index(name)
    assert whole.count(name) == 4
    wire = whole.replace(name + b"\0\1", (0xC000 + first).to_bytes(2, "big") + b"\0\1")
    assert len(wire) == len(whole) - 2 * (len(name) - 2)
    assert glance.is_right(whole)
    assert glance.is_right(wire)
    assert is_right_by_all_means(case, wire)
    elsewhere = whole.replace(name + b"\0\1", b"\xc0\x0d" + b"\0\1")
    assert not glance.is_right(elsewhere)


def chosen_by_all_means(case: Case, wire: bytes) -> list[str]:
    values = [one.value for one in taken(wire, "udp", case.question).records]
    return sorted(one.split()[-1] for one in values if one not in case.expected.values)


def changed(wire: bytes, at: int, byte: int) -> bytes:
    """With another byte; outside of the id, which everybody looks at elsewhere."""
    place = 2 + at % (len(wire) - 2)
    return wire[:place] + bytes([byte]) + wire[place + 1 :]


def well_known(*, edns: bool, compress: bool) -> Known:
    """What is learned from right answers to all kinds of questions, and to another one of the same form."""
    known = Known()
    for case in CASES.values():
        for one in (case, case._replace(question=case.question._replace(name="x" + case.question.name[1:]))):
            glance, wire = Prepared(one.question, one.expected, known), said(one, edns=edns, compress=compress)
            glance.learn(wire)
            glance.is_right(wire)
    return known


@given(
    case=st.sampled_from([*CASES.values(), *CHOICES.values()]),
    edns=st.booleans(),
    compress=st.booleans(),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 40),
    more=st.binary(max_size=20),
)
def test_nothing_is_right_at_a_glance_that_is_not_right_when_looked_at(
    case: Case, edns: bool, compress: bool, changes: list[tuple[int, int]], cut: int, more: bytes
) -> None:
    glance = Prepared(case.question, case.expected, well_known(edns=edns, compress=compress))
    wire = said(case, edns=edns, compress=compress)
    for change in changes:
        wire = changed(wire, *change)
    wire = wire[: len(wire) - cut] + more
    if glance.is_right(wire):
        assert is_right_by_all_means(case, wire)
    if (found := glance.chosen(glance.records(wire))) is not None:
        assert is_right_by_all_means(case, wire)
        assert sorted(found) == chosen_by_all_means(case, wire)
    if glance.records(wire) is not None:
        heard = Heard(glance, SERVER, Reply(0.0, 0.0, wire))
        if case.question.rdtype in {"A", "AAAA"}:
            assert sorted(heard.values) == sorted(one.rdata for one in taken(wire, "udp", case.question).records)


@given(case=st.sampled_from(list(CASES.values())), wire=st.binary(max_size=600))
def test_it_outlasts_any_bytes(case: Case, wire: bytes) -> None:
    glance = Prepared(case.question, case.expected, Known())
    glance.learn(said(case))
    for some in (wire, said(case)[:12] + wire, said(case)[:40] + wire):
        if glance.is_right(some):
            assert is_right_by_all_means(case, some)


@given(st.lists(st.text("abc-_09", min_size=1, max_size=63), max_size=3).map(lambda one: ".".join([*one, ""]) or "."))
def test_a_question_is_the_same_on_both_ways(name: str) -> None:
    for question in (Question(name or ".", "SRV"), Question(name or ".", "A", None)):
        assert Plain(question).query == message(question)
