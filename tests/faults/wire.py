"""Messages and transports: what comes back before it is read."""

from __future__ import annotations

import dns.flags

from dns_server import Reply, framed
from faults.kit import Say, deny, fitting, parsed, says
from kube_dns_conformance.dns.model import Transport

ALL = ("*",)
HEADER = 12


@says("silence", "clusterip.address.ipv4", *ALL)
def silence() -> Say:
    """Nothing is ever answered."""
    return lambda _query, _transport, _said: None


@says("wrong-id", "clusterip.address.ipv4", *ALL)
def wrong_id() -> Say:
    """Every answer has another id than its question."""
    return lambda _query, _transport, said: bytes([said[0] ^ 0xFF]) + said[1:]


@says("garbage", "clusterip.address.ipv4", *ALL)
def garbage() -> Say:
    """After the header there is no DNS."""
    return lambda _query, _transport, said: said[:HEADER] + b"\xff" * 40


@says("header-only", "clusterip.address.ipv4", *ALL)
def header() -> Say:
    """The message ends within its answers."""
    return lambda _query, _transport, said: said[: len(said) // 2]


@says("wrong-question", "clusterip.address.ipv4", *ALL)
def question() -> Say:
    """The question that comes back is another one."""

    def say(_query: bytes, _transport: Transport, said: bytes) -> bytes:
        return said[:HEADER] + said[HEADER : HEADER + 1] + b"_" + said[HEADER + 2 :]

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


@says("less-over-tcp", "transport.tcp.same-as-udp", *ALL)
def less() -> Say:
    """Over TCP the last of several records is left out."""

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        answer = parsed(said)
        if transport == "udp" or len(answer.answer) < 2:
            return said
        answer.answer.pop()
        return fitting(answer, query, transport)

    return say


@says("cut-without-saying-so", "transport.size.truncation-said", "transport.*", "headless.*", "slices.*", "survival.*")
def unsaid() -> Say:
    """What was cut to fit does not say so."""

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        answer = parsed(said)
        answer.flags &= ~dns.flags.TC
        return said if transport == "tcp" else fitting(answer, query, transport)

    return say


@says("edns-refused", "transport.edns.answered", *ALL)
def no_edns() -> Say:
    """Questions with EDNS are answered with FORMERR."""

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        answer = parsed(said)
        if answer.edns < 0:
            return said
        answer.use_edns(False)
        deny(answer, "FORMERR")
        return fitting(answer, query, transport)

    return say


@says("empty-over-tcp", "transport.tcp.same-as-udp", *ALL)
def empty() -> Say:
    """Over TCP there is no record in any answer."""

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        if transport == "udp":
            return said
        answer = parsed(said)
        answer.answer = []
        return fitting(answer, query, transport)

    return say


@says("edns-ignored", "transport.edns.answered", "transport.edns.*")
def ignored() -> Say:
    """Questions with EDNS are answered as if they were without."""

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        answer = parsed(said)
        answer.use_edns(False)
        return fitting(answer, query, transport)

    return say
