"""Asks a batch of questions, over UDP or TCP: from this process, or through whatever else can carry messages.

dnspython builds and parses the messages here; the sockets are our own, so that the bytes of a malformed answer are kept
and nothing is retried, cached or hidden.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from kube_dns_conformance.agent.exchange import Reply, Request, exchange, framed, unframed
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.model import Answer, Question, Record, Server, Transport
from kube_dns_conformance.errors import ClusterError

PARALLEL_QUESTIONS = 16
PLAIN_UDP_BYTES = 512

_kept = threading.local()

_Asked = tuple[Question, Server, Transport, dns.message.QueryMessage]

Exchange = Callable[[Sequence[Request]], Sequence[Reply]]
"""Carries messages to the servers and brings back what they said, in the order of the requests."""
Stream = Callable[[Iterable[Request]], Iterator[tuple[int, Reply]]]
"""Takes requests as it comes to send them, and gives each reply with the number of its request."""


class _Unusable(Exception):
    """There is no usable answer; the text says why and becomes ``Answer.problem``."""


def exchange_here(requests: Sequence[Request]) -> list[Reply]:
    """Exchange over sockets of this process."""
    return list(_pool().map(partial(exchange, clock=now), requests))


def _pool() -> ThreadPoolExecutor:
    """One for each thread that asks: whoever waits for a silent server holds up nobody else."""
    pool: ThreadPoolExecutor | None = getattr(_kept, "pool", None)
    if pool is None:
        pool = _kept.pool = ThreadPoolExecutor(PARALLEL_QUESTIONS)
    return pool


def ask_all(
    asks: Iterable[tuple[Question, Server, Transport]], timeout: float, carry: Exchange = exchange_here
) -> list[Answer]:
    """Ask a batch; the answers come in the order of the questions. ``timeout`` is seconds for each question.

    Never raises for what a server does: silence and garbage are answers too (``Answer.problem``). Raises ClusterError,
    which makes a verdict *unknown*, when a question could not even be sent.
    """
    batch = [(*one, _query(one[0])) for one in asks]
    calls = [[one] for one in batch if one[2] != "pipelined"] + _together(one for one in batch if one[2] == "pipelined")
    replies = carry([_request(call, timeout) for call in calls])
    found = {id(one[3]): answer for call, got in zip(calls, replies, strict=True) for one, answer in _read(call, got)}
    return [found[id(query)] for *_, query in batch]


def _together(pipelined: Iterable[_Asked]) -> list[list[_Asked]]:
    """The questions for each server, which share a connection and so must have different ids."""
    by_server: dict[Server, list[_Asked]] = {}
    for one in pipelined:
        call = by_server.setdefault(one[1], [])
        one[3].id = (call[0][3].id + len(call)) % 65536 if call else one[3].id
        call.append(one)
    return list(by_server.values())


def _request(call: list[_Asked], timeout: float) -> Request:
    _, server, how, query = call[0]
    wire = b"".join(framed(one[3].to_wire()) for one in call) if how == "pipelined" else query.to_wire()
    return Request(server.host, server.port, how, wire, timeout)


def _read(call: list[_Asked], reply: Reply) -> Iterator[tuple[_Asked, Answer]]:
    """Each question with its answer; those of one connection come in any order and are told apart by their ids."""
    if call[0][2] != "pipelined":
        yield call[0], _answer(*call[0], reply)
        return
    wires = {wire[:2]: wire for wire in unframed(reply.wire)}
    for one in call:
        wire = wires.get(one[3].id.to_bytes(2, "big"), b"")
        missing = reply.problem or "no answer with the id of the question over this connection"
        yield one, _answer(*one, reply._replace(wire=wire, problem=None if wire else missing))


def ask(question: Question, server: Server, transport: Transport = "udp", *, timeout: float) -> Answer:
    """Ask once, from this process."""
    return ask_all([(question, server, transport)], timeout)[0]


def message(question: Question) -> bytes:
    """The question as it goes over the wire, with an id of zero."""
    query = _query(question)
    query.id = 0
    return query.to_wire()


def answer(question: Question, server: Server, transport: Transport, reply: Reply) -> Answer:
    """What a reply to `message` says. Raises ClusterError when the question could not even be sent."""
    query = _query(question)
    query.id = 0
    return _answer(question, server, transport, query, reply)


def _query(question: Question) -> dns.message.QueryMessage:
    option = question.edns_option
    return dns.message.make_query(
        question.name,
        question.rdtype,
        use_edns=question.edns_version if question.udp_payload is not None else False,
        payload=question.udp_payload or 0,
        options=None if option is None else [dns.edns.GenericOption(dns.edns.OptionType.make(option), b"")],
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
        authoritative=bool(response.flags & dns.flags.AA),
        edns_version=response.edns if response.edns >= 0 else None,
        echoed=str(response.question[0].name) if response.question else "",
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
