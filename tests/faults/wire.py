"""Messages and transports: what comes back before it is read."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode

from dns_server import Reply, framed
from faults.kit import (
    NO_LIE,
    Say,
    Upstream,
    asked,
    changes,
    changes_knowing,
    denied,
    deny,
    fitting,
    of_type,
    parsed,
    says,
)
from kube_dns_conformance.agent.exchange import HEADER_BYTES
from kube_dns_conformance.dns.model import Transport

ALL = ("*",)
SMALL = 1232
CUT = ("transport.*", "headless.*", "slices.*", "survival.*")


@says("silence", "clusterip.address.ipv4", *ALL)
def silence() -> Say:
    """Nothing is ever answered."""
    return lambda _query, _transport, _said: None


@says("wrong-id", "clusterip.address.ipv4", *ALL)
def wrong_id() -> Say:
    """Every answer has another id than its question."""
    return lambda _query, _transport, said: stranger(said)


@says("garbage", "clusterip.address.ipv4", *ALL)
def garbage() -> Say:
    """After the header there is no DNS."""
    return lambda _query, _transport, said: said[:HEADER_BYTES] + b"\xff" * 40


@says("header-only", "clusterip.address.ipv4", *ALL)
def header() -> Say:
    """The message ends within its answers."""
    return lambda _query, _transport, said: said[: len(said) // 2]


@says("wrong-question", "clusterip.address.ipv4", *ALL)
def question() -> Say:
    """The question that comes back is another one."""

    def say(_query: bytes, _transport: Transport, said: bytes) -> bytes:
        return said[:HEADER_BYTES] + said[HEADER_BYTES : HEADER_BYTES + 1] + b"_" + said[HEADER_BYTES + 2 :]

    return say


@says("no-tcp", "transport.tcp.same-as-udp", *ALL)
def no_tcp() -> Say:
    """Over TCP the connection is closed without an answer."""

    def say(_query: bytes, transport: Transport, said: bytes) -> Reply:
        return said if transport == "udp" else []

    return say


@says("half-over-tcp", "transport.tcp.same-as-udp", *ALL)
def half() -> Say:
    """Over TCP the connection is closed in the middle of the message."""

    def say(_query: bytes, transport: Transport, said: bytes) -> Reply:
        return said if transport == "udp" else [framed(said)[: len(said) // 2]]

    return say


@changes("less-over-tcp", "transport.tcp.same-as-udp", *ALL, over=("tcp",))
def less(answer: dns.message.Message) -> None:
    """Over TCP the last of several records is left out."""
    if len(answer.answer) > 1:
        answer.answer.pop()


@changes("empty-over-tcp", "transport.tcp.same-as-udp", *ALL, over=("tcp",))
def empty(answer: dns.message.Message) -> None:
    """Over TCP there is no record in any answer."""
    answer.answer = []


@changes("cut-without-saying-so", "transport.size.truncation-said", *CUT, over=("udp",))
def unsaid(answer: dns.message.Message) -> None:
    """What was cut to fit does not say so."""
    answer.flags &= ~dns.flags.TC


@changes("edns-refused", "transport.edns.answered", *ALL)
def refused(answer: dns.message.Message) -> None:
    """Questions with EDNS are answered with FORMERR."""
    if answer.edns >= 0:
        answer.use_edns(False)
        deny(answer, "FORMERR")


@changes("edns-ignored", "transport.edns.answered", "transport.edns.*")
def ignored(answer: dns.message.Message) -> None:
    """Questions with EDNS are answered as if they were without."""
    answer.use_edns(False)


@says("cut-over-tcp-too", "headless.address.complete-over-tcp", *CUT)
def cut_twice() -> Say:
    """What was cut over UDP is cut over TCP as well."""

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        return said if transport == "udp" or len(said) <= SMALL else fitting(parsed(said), query, "udp")

    return say


@says("too-large-over-udp", "transport.size.no-edns", *CUT)
def too_large() -> Say:
    """Over UDP comes the whole answer, however much the client takes."""
    known: dict[bytes, bytes] = {}

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        if transport == "tcp":
            known[query[2:]] = said
            return said
        return query[:2] + known.get(query[2:], said)[2:]

    return say


@says("one-answer-per-connection", "transport.tcp.pipelined", "transport.tcp.*")
def one_only() -> Say:
    """Over TCP the connection is closed after the first answer."""

    def say(_query: bytes, transport: Transport, said: bytes) -> Reply:
        return said if transport == "udp" else [framed(said)]

    return say


@changes("edns-forced", "transport.edns.not-forced", "transport.edns.*")
def forced(answer: dns.message.Message) -> None:
    """Questions without EDNS are answered with it."""
    if answer.edns < 0:
        answer.use_edns(0)


@changes_knowing("edns-any-version", "transport.edns.unknown-version", "transport.edns.*")
def any_version(answer: dns.message.Message, upstream: Upstream) -> None:
    """Versions of EDNS that do not exist are taken for the one that does."""
    if answer.rcode() == dns.rcode.BADVERS:
        name, rdtype = asked(answer)
        answer.set_rcode(dns.rcode.NOERROR)
        answer.use_edns(0)
        answer.answer = upstream.look_up(name, rdtype)


@says("edns-option-refused", "transport.edns.unknown-option", "transport.edns.*")
def option() -> Say:
    """Questions with an option of EDNS are answered with FORMERR."""

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        has_one = bool(dns.message.from_wire(query).options)
        return denied(query, transport, said, "FORMERR") if has_one else said

    return say


@says("every-answer-cut", NO_LIE)
def every_cut() -> Say:
    """Over UDP every answer is truncated to nothing, and complete over TCP."""

    def say(_query: bytes, transport: Transport, said: bytes) -> bytes:
        if transport == "tcp":
            return said
        answer = parsed(said)
        answer.flags |= dns.flags.TC
        answer.answer, answer.authority = [], []
        return answer.to_wire()

    return say


@says("every-answer-twice", NO_LIE)
def twice() -> Say:
    """Over UDP every answer comes twice."""
    return lambda _query, transport, said: [said, said] if transport == "udp" else said


@says("strays-before-the-answer", NO_LIE)
def strays() -> Say:
    """Over UDP every answer comes after one that is for somebody else."""
    return lambda _query, transport, said: [stranger(said), said] if transport == "udp" else said


@changes("other-order", NO_LIE)
def order(answer: dns.message.Message) -> None:
    """Records come in the order of their names and rdata, the last first."""
    answer.answer.sort(key=str, reverse=True)


@changes_knowing("more-than-asked", NO_LIE)
def additional(answer: dns.message.Message, upstream: Upstream) -> None:
    """The addresses of what SRV records lead to come with them, in the additional section."""
    for one in of_type(answer, "SRV")[:8]:
        answer.additional += upstream.look_up(str(one[0].target), "A")


def stranger(said: bytes) -> bytes:
    """The same with another id."""
    return bytes([said[0] ^ 0xFF]) + said[1:]
