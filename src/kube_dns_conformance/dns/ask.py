"""Asks a batch of questions, over UDP or TCP: from this process, or through whatever else can carry messages.

dnspython builds and parses the messages here; the sockets are our own, so that the bytes of a malformed answer are kept
and nothing is retried, cached or hidden.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from kube_dns_conformance.agent.exchange import Reply, Request, exchange, framed, unframed
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns import addresses
from kube_dns_conformance.dns.model import Answer, Question, Record, Records, Server, Transport
from kube_dns_conformance.errors import ClusterError

PARALLEL_QUESTIONS = 16
PLAIN_UDP_BYTES = 512
QUESTIONS_KEPT = 4096
ANSWERS_KEPT = 4096
"""The same is said again and again, over both transports and by every server: it is parsed once."""
BYTES_KEPT = 1232
"""Larger answers are rare, and would take much memory."""
_IDS = 65536

_kept = threading.local()


class _Asked(NamedTuple):
    """A question on its way, with the id that its message has."""

    question: Question
    server: Server
    transport: Transport
    id: int

    @property
    def wire(self) -> bytes:
        return self.id.to_bytes(2, "big") + message(self.question)[2:]


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
    batch = list(_with_ids(asks))
    calls = [[at] for at, one in enumerate(batch) if one.transport != "pipelined"] + _together(batch)
    replies = carry([_request([batch[at] for at in call], timeout) for call in calls])
    found: dict[int, Answer] = {}
    for call, got in zip(calls, replies, strict=True):
        found |= zip(call, _read([batch[at] for at in call], got), strict=True)
    return [found[at] for at in range(len(batch))]


def _with_ids(asks: Iterable[tuple[Question, Server, Transport]]) -> Iterator[_Asked]:
    """Any id for each; those that share a connection have different ones."""
    following: dict[Server, int] = {}
    for question, server, how in asks:
        number = secrets.randbelow(_IDS)
        if how == "pipelined":
            number = following.get(server, number)
            following[server] = (number + 1) % _IDS
        yield _Asked(question, server, how, number)


def _together(batch: Iterable[_Asked]) -> list[list[int]]:
    """Which questions share a connection: those for the same server."""
    by_server: dict[Server, list[int]] = {}
    for at, one in enumerate(batch):
        if one.transport == "pipelined":
            by_server.setdefault(one.server, []).append(at)
    return list(by_server.values())


def _request(call: list[_Asked], timeout: float) -> Request:
    _, server, how, _ = call[0]
    wire = b"".join(framed(one.wire) for one in call) if how == "pipelined" else call[0].wire
    return Request(server.host, server.port, how, wire, timeout)


def _read(call: list[_Asked], reply: Reply) -> Iterator[Answer]:
    """The answer to each question; those of one connection come in any order and are told apart by their ids."""
    if call[0].transport != "pipelined":
        yield _answer(call[0], reply)
        return
    wires = {wire[:2]: wire for wire in unframed(reply.wire)}
    for one in call:
        wire = wires.get(one.wire[:2], b"")
        missing = reply.problem or "no answer with the id of the question over this connection"
        yield _answer(one, reply._replace(wire=wire, problem=None if wire else missing))


def ask(question: Question, server: Server, transport: Transport = "udp", *, timeout: float) -> Answer:
    """Ask once, from this process."""
    return ask_all([(question, server, transport)], timeout)[0]


@lru_cache(QUESTIONS_KEPT)
def message(question: Question) -> bytes:
    """The question as it goes over the wire, with an id of zero."""
    return _query(question).to_wire()


def answer(question: Question, server: Server, transport: Transport, reply: Reply) -> Answer:
    """What a reply to `message` says. Raises ClusterError when the question could not even be sent."""
    return _answer(_Asked(question, server, transport, 0), reply)


@lru_cache(QUESTIONS_KEPT)
def _query(question: Question) -> dns.message.QueryMessage:
    option = question.edns_option
    return dns.message.make_query(
        question.name,
        question.rdtype,
        use_edns=question.edns_version if question.udp_payload is not None else False,
        payload=question.udp_payload or 0,
        options=None if option is None else [dns.edns.GenericOption(dns.edns.OptionType.make(option), b"")],
        id=0,
    )


def _answer(one: _Asked, got: Reply) -> Answer:
    if got.ours:
        raise ClusterError(f"{one.server} cannot be asked from here: {got.problem}")
    try:
        said = _said(one, got)
    except _Unusable as unusable:
        said = {"problem": str(unusable)}
    wire = got.wire if "problem" in said else b""
    return Answer(*one[:3], got.sent, got.seconds, wire=wire, size=len(got.wire), strays=got.strays, **said)


def _said(one: _Asked, got: Reply) -> Mapping[str, Any]:
    """What it is that an answer says, as `Answer` has it. Raises `_Unusable`."""
    if got.problem is not None:
        raise _Unusable(got.problem)
    if one.transport == "udp":
        _insist_on_size(got.wire, one.question)
    read = _parsed_once if len(got.wire) <= BYTES_KEPT else _parsed
    said = read(one.question, bytes(len(got.wire[:2])) + got.wire[2:])
    if got.wire[:2] != one.wire[:2]:
        raise _Unusable("answer with the wrong id")
    return said


def _insist_on_size(wire: bytes, question: Question) -> None:
    """What is larger than was offered may never arrive elsewhere (RFC 1035 section 4.2.1, RFC 6891 section 6.2.5)."""
    offered = max(question.udp_payload or 0, PLAIN_UDP_BYTES)
    if len(wire) > offered:
        raise _Unusable(f"answer of {len(wire)} bytes over UDP where at most {offered} were offered to be taken")


def _parsed(question: Question, wire: bytes) -> Mapping[str, Any]:
    """What an answer says to this question whatever its id, or in ``problem`` why not. Raises `_Unusable`."""
    asked = _asked(question)
    if asked and (found := addresses.read(asked, wire)):
        return found
    try:
        # one_rr_per_rrset: by default duplicates and differing TTLs are merged away, which would hide two kinds of lie.
        response = dns.message.from_wire(wire, one_rr_per_rrset=True)
    except Exception as error:  # noqa: BLE001 - the bytes are a stranger's, and dnspython does not name all it raises
        raise _Unusable(f"malformed answer of {len(wire)} bytes: {_what(error)}") from None
    if not response.flags & dns.flags.QR:
        return {"problem": "the question came back instead of an answer"}
    rcode = response.rcode()
    if response.question != _query(question).question and rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        other = " ".join(str(one) for one in response.question) or "none"
        return {"problem": f"answer to another question: {other}"}
    return {
        "rcode": dns.rcode.to_text(rcode),
        "truncated": bool(response.flags & dns.flags.TC),
        "records": _records(response.answer),
        "authority": _records(response.authority),
        "authoritative": bool(response.flags & dns.flags.AA),
        "edns_version": response.edns if response.edns >= 0 else None,
        "echoed": str(response.question[0].name) if response.question else "",
    }


@lru_cache(QUESTIONS_KEPT)
def _asked(question: Question) -> addresses.Asked | None:
    return addresses.asked(message(question), question.name)


_parsed_once = lru_cache(ANSWERS_KEPT)(_parsed)


def _what(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _records(section: list[dns.rrset.RRset]) -> Records:
    return Records(
        Record(str(rrset.name).lower(), _type(rrset), rrset.ttl, rdata.to_text().lower())
        for rrset in section
        for rdata in rrset
    )


def _type(rrset: dns.rrset.RRset) -> str:
    """The record type, with the class in front unless it is IN: a record of another class is another record."""
    text = dns.rdatatype.to_text(rrset.rdtype)
    return text if rrset.rdclass == dns.rdataclass.IN else f"{dns.rdataclass.to_text(rrset.rdclass)} {text}"
