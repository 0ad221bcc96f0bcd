"""Messages and transports: what comes back before it is read."""

from __future__ import annotations

import dns.flags
import dns.message

from dns_server import Reply, framed
from faults.kit import Say, Upstream, changes, deny, says
from kube_dns_conformance.agent.exchange import HEADER_BYTES
from kube_dns_conformance.dns.model import Transport

ALL = ("*",)
CUT = ("transport.*", "headless.*", "slices.*", "survival.*")


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
def less(answer: dns.message.Message, _: Upstream) -> None:
    """Over TCP the last of several records is left out."""
    if len(answer.answer) > 1:
        answer.answer.pop()


@changes("empty-over-tcp", "transport.tcp.same-as-udp", *ALL, over=("tcp",))
def empty(answer: dns.message.Message, _: Upstream) -> None:
    """Over TCP there is no record in any answer."""
    answer.answer = []


@changes("cut-without-saying-so", "transport.size.truncation-said", *CUT, over=("udp",))
def unsaid(answer: dns.message.Message, _: Upstream) -> None:
    """What was cut to fit does not say so."""
    answer.flags &= ~dns.flags.TC


@changes("edns-refused", "transport.edns.answered", *ALL)
def refused(answer: dns.message.Message, _: Upstream) -> None:
    """Questions with EDNS are answered with FORMERR."""
    if answer.edns >= 0:
        answer.use_edns(False)
        deny(answer, "FORMERR")


@changes("edns-ignored", "transport.edns.answered", "transport.edns.*")
def ignored(answer: dns.message.Message, _: Upstream) -> None:
    """Questions with EDNS are answered as if they were without."""
    answer.use_edns(False)
