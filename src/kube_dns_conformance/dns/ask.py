"""Asks a batch of questions, over UDP or TCP: from this process, or through whatever else can carry messages.

dnspython builds and parses the messages here; the sockets are our own, so that the bytes of a malformed answer are kept
and nothing is retried, cached or hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from kube_dns_conformance.agent.exchange import Reply, Request, exchange
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.model import Answer, Question, Record, Server, Transport
from kube_dns_conformance.errors import ClusterError

PARALLEL_QUESTIONS = 16
PLAIN_UDP_BYTES = 512

Exchange = Callable[[Sequence[Request]], Sequence[Reply]]
"""Carries messages to the servers and brings back what they said, in the order of the requests."""


class _Unusable(Exception):
    """There is no usable answer; the text says why and becomes ``Answer.problem``."""


def exchange_here(requests: Sequence[Request]) -> list[Reply]:
    """Exchange over sockets of this process."""
    with ThreadPoolExecutor(PARALLEL_QUESTIONS) as pool:
        return list(pool.map(partial(exchange, clock=now), requests))


def ask_all(
    asks: Iterable[tuple[Question, Server, Transport]], timeout: float, carry: Exchange = exchange_here
) -> list[Answer]:
    """Ask a batch; the answers come in the order of the questions. ``timeout`` is seconds for each question.

    Never raises for what a server does: silence and garbage are answers too (``Answer.problem``). Raises ClusterError,
    which makes a verdict *unknown*, when a question could not even be sent.
    """
    batch = [(*one, _query(one[0])) for one in asks]
    requests = [Request(server.host, server.port, how, query.to_wire(), timeout) for _, server, how, query in batch]
    return [_answer(*one, reply) for one, reply in zip(batch, carry(requests), strict=True)]


def ask(question: Question, server: Server, transport: Transport = "udp", *, timeout: float) -> Answer:
    """Ask once, from this process."""
    return ask_all([(question, server, transport)], timeout)[0]


def _query(question: Question) -> dns.message.QueryMessage:
    return dns.message.make_query(
        question.name,
        question.rdtype,
        use_edns=question.udp_payload is not None,
        payload=question.udp_payload or 0,
    )


def _answer(question: Question, server: Server, transport: Transport, query: dns.message.Message, got: Reply) -> Answer:
    seen = Answer(question, server, transport, got.sent, got.seconds, wire=got.wire, strays=got.strays)
    if got.ours:
        raise ClusterError(f"{server} cannot be asked from here: {got.problem}")
    try:
        if got.problem is not None:
            raise _Unusable(got.problem)
        if transport == "udp":
            _insist_on_size(got.wire, question)
        response = _parse(query, got.wire)
    except _Unusable as unusable:
        return replace(seen, problem=str(unusable))
    return replace(
        seen,
        rcode=dns.rcode.to_text(response.rcode()),
        truncated=bool(response.flags & dns.flags.TC),
        records=_records(response.answer),
        authority=_records(response.authority),
    )


def _insist_on_size(wire: bytes, question: Question) -> None:
    """What is larger than was offered may never arrive elsewhere (RFC 1035 section 4.2.1, RFC 6891 section 6.2.5)."""
    offered = max(question.udp_payload or 0, PLAIN_UDP_BYTES)
    if len(wire) > offered:
        raise _Unusable(f"answer of {len(wire)} bytes over UDP where at most {offered} were offered to be taken")


def _parse(query: dns.message.Message, wire: bytes) -> dns.message.Message:
    try:
        # one_rr_per_rrset: by default duplicates and differing TTLs are merged away, which would hide two kinds of lie.
        response = dns.message.from_wire(wire, one_rr_per_rrset=True)
    except Exception as error:  # noqa: BLE001 - the bytes are a stranger's, and dnspython does not name all it raises
        raise _Unusable(f"malformed answer of {len(wire)} bytes: {_what(error)}") from None
    if response.id != query.id:
        raise _Unusable("answer with the wrong id")
    if not response.flags & dns.flags.QR:
        raise _Unusable("the question came back instead of an answer")
    if response.question != query.question and response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        asked = " ".join(str(question) for question in response.question) or "none"
        raise _Unusable(f"answer to another question: {asked}")
    return response


def _what(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _records(section: list[dns.rrset.RRset]) -> tuple[Record, ...]:
    return tuple(
        Record(str(rrset.name).lower(), _type(rrset), rrset.ttl, rdata.to_text().lower())
        for rrset in section
        for rdata in rrset
    )


def _type(rrset: dns.rrset.RRset) -> str:
    """The record type, with the class in front unless it is IN: a record of another class is another record."""
    text = dns.rdatatype.to_text(rrset.rdtype)
    return text if rrset.rdclass == dns.rdataclass.IN else f"{dns.rdataclass.to_text(rrset.rdclass)} {text}"
