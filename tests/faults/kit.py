"""What a fault is, and how one is put in front of a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from dns_server import DnsServer, Handler, Reply
from kube_dns_conformance.agent.exchange import Request, exchange
from kube_dns_conformance.dns.model import Server, Transport
from kube_dns_conformance.kube import Kube, Object

FOREIGN = {"A": "192.0.2.66", "AAAA": "2001:db8::66"}
"""Set aside for documentation: nobody's (RFC 5737, RFC 3849)."""
SECONDS = 5.0
"""How long the real server may take."""
FRESH_SECONDS = 0.1
"""How old what the API said may be."""
LARGEST = 65535
SMALLEST_ROOM = 512
"""What every client takes over UDP (RFC 1035 section 4.2.1)."""
NO_LIE = ""
"""In place of who has to notice: what is unusual, and yet right."""
Change = Callable[[dns.message.Message], None]
"""Changes an answer in place, each record an RRset of its own, and the same answer always in the same way."""
KnowingChange = Callable[[dns.message.Message, "Upstream"], None]
"""Changes an answer in place by what it finds out: what else the real server says, or what is true."""
Say = Callable[[bytes, Transport, bytes], Reply]
"""What to say instead: from the query, the transport and what the real server said."""


class Needs(StrEnum):
    """What a fault needs besides the real server."""

    NOTHING = "nothing"
    API = "the API of the cluster, to know what is true"
    RIGHT_REPLICA = "a replica beside it that is right"


@dataclass
class Upstream:
    """The real server, and the API of its cluster for lies that need to know what is true."""

    server: Server
    kubeconfig: Path | None = None
    _listed: dict[tuple[str, str], tuple[float, list[Object]]] = field(default_factory=dict)

    @cached_property
    def kube(self) -> Kube:
        """The API. Raises ValueError when nobody said where it is."""
        if self.kubeconfig is None:
            raise ValueError("this fault needs --kubeconfig")
        return Kube(self.kubeconfig)

    def listed(self, api_version: str, kind: str, namespace: str) -> list[Object]:
        """The objects of a namespace as of a moment ago: no server looks them up for each question."""
        key = kind, namespace
        at, found = self._listed.get(key, (0.0, []))
        if time.monotonic() - at > FRESH_SECONDS:
            found, _ = self.kube.list(api_version, kind, namespace=namespace)
            self._listed[key] = time.monotonic(), found
        return found

    def ask(self, wire: bytes, transport: Transport) -> bytes:
        """Pass a message on as it is: the suite asks in ways that no client library would."""
        return exchange(Request(self.server.host, self.server.port, transport, wire, SECONDS)).wire

    def look_up(self, name: str, rdtype: str) -> list[dns.rrset.RRset]:
        """The answer to another question, for lies that are true elsewhere; nothing when the name does not exist."""
        query = dns.message.make_query(name, rdtype, use_edns=True, payload=LARGEST)
        return parsed(self.ask(query.to_wire(), "tcp")).answer


@dataclass(frozen=True)
class Fault:
    """One way to lie.

    ``caught_by`` is the requirement that has to notice; empty for what is unusual and no lie, so that nobody may be
    accused. ``touches`` are globs of those that may notice, because it is their answer as well. ``handler`` makes what
    speaks for a server that has this fault, with a memory of its own. ``needs`` is what must be there besides.
    """

    name: str
    lie: str
    caught_by: str
    touches: tuple[str, ...]
    handler: Callable[[Upstream], Handler]
    needs: Needs = Needs.NOTHING

    @property
    def is_lie(self) -> bool:
        """Whether somebody has to be accused."""
        return bool(self.caught_by)


FAULTS: dict[str, Fault] = {}
"""By name, in the order of the modules."""


def changes(
    name: str,
    caught_by: str,
    *touches: str,
    over: tuple[Transport, ...] = ("udp", "tcp"),
    needs: Needs = Needs.NOTHING,
) -> Callable[[Change], Change]:
    """A fault that changes answers ``over`` some transports. The first line of the docstring is the lie, in words."""

    def register(change: Change) -> Change:
        def handler(upstream: Upstream) -> Handler:
            lies: dict[tuple[Transport, bytes, bytes], bytes] = {}

            def handle(wire: bytes, transport: Transport) -> Reply:
                said = upstream.ask(wire, transport)
                if transport not in over:
                    return said
                # The same question, answered in the same way, is lied to in the same way: all but the id.
                key = transport, wire[2:], said[2:]
                if key not in lies:
                    answer = parsed(said)
                    change(answer)
                    lies[key] = fitting(answer, wire, transport)[2:]
                return said[:2] + lies[key]

            return handle

        _register(Fault(name, _lie(change.__doc__), caught_by, touches, handler, needs))
        return change

    return register


def changes_knowing(
    name: str, caught_by: str, *touches: str, needs: Needs = Needs.NOTHING
) -> Callable[[KnowingChange], KnowingChange]:
    """A fault that changes answers by what it finds out at that moment."""

    def register(change: KnowingChange) -> KnowingChange:
        def handler(upstream: Upstream) -> Handler:
            def handle(wire: bytes, transport: Transport) -> Reply:
                answer = parsed(upstream.ask(wire, transport))
                change(answer, upstream)
                return fitting(answer, wire, transport)

            return handle

        _register(Fault(name, _lie(change.__doc__), caught_by, touches, handler, needs))
        return change

    return register


def says(
    name: str, caught_by: str, *touches: str, needs: Needs = Needs.NOTHING, in_order: bool = False
) -> Callable[[Callable[[], Say]], Callable[[], Say]]:
    """A fault below or beyond the content of an answer. The function makes a server's `Say`, with its memory.

    ``in_order``: the real server is asked the same question one time after the other, so that what it said last is
    remembered last.
    """

    def register(make: Callable[[], Say]) -> Callable[[], Say]:
        def handler(upstream: Upstream) -> Handler:
            say, turns = make(), dict[tuple[Transport, bytes], threading.Lock]()

            def handle(wire: bytes, transport: Transport) -> Reply:
                turn = turns.setdefault((transport, wire[2:]), threading.Lock())
                with turn if in_order else nullcontext():
                    return say(wire, transport, upstream.ask(wire, transport))

            return handle

        _register(Fault(name, _lie(make.__doc__), caught_by, touches, handler, needs))
        return make

    return register


def _lie(docstring: str | None) -> str:
    return (docstring or "").splitlines()[0].rstrip(".")


def _register(fault: Fault) -> None:
    if fault.name in FAULTS:
        raise ValueError(f"there are two faults {fault.name}")
    FAULTS[fault.name] = fault


def parsed(wire: bytes) -> dns.message.Message:
    """An answer with each record in an RRset of its own, so that none is merged away."""
    return dns.message.from_wire(wire, one_rr_per_rrset=True)


def fitting(answer: dns.message.Message, query: bytes, transport: Transport) -> bytes:
    """The answer as it goes over the wire; cut, and said so, where it does not fit into what the client takes."""
    wire = answer.to_wire(max_size=LARGEST)
    if len(wire) <= SMALLEST_ROOM:
        return wire
    room = LARGEST if transport == "tcp" else max(SMALLEST_ROOM, dns.message.from_wire(query).payload)
    if len(wire) <= room:
        return wire
    answer.flags |= dns.flags.TC
    answer.answer, answer.authority = [], []
    return answer.to_wire(max_size=LARGEST)


def asked(answer: dns.message.Message) -> tuple[str, str]:
    """The name, in lower case and with its final dot, and the type."""
    question = answer.question[0]
    return str(question.name).lower(), dns.rdatatype.to_text(question.rdtype)


def of_type(answer: dns.message.Message, *rdtypes: str) -> list[dns.rrset.RRset]:
    """The records of these types in the answer section."""
    return [one for one in answer.answer if dns.rdatatype.to_text(one.rdtype) in rdtypes]


def replace(answer: dns.message.Message, old: dns.rrset.RRset, *values: str) -> None:
    """Put records with these rdata in the place of one."""
    at = answer.answer.index(old)
    answer.answer[at : at + 1] = [
        dns.rrset.from_text(old.name, old.ttl, old.rdclass, old.rdtype, value) for value in values
    ]


def deny(answer: dns.message.Message, rcode: str) -> None:
    """Nothing but an rcode, and the authority section as it was."""
    answer.answer = []
    answer.set_rcode(dns.rcode.from_text(rcode))


def denied(query: bytes, transport: Transport, said: bytes, rcode: str) -> bytes:
    """The same message with nothing but an rcode."""
    answer = parsed(said)
    deny(answer, rcode)
    return fitting(answer, query, transport)


@contextmanager
def served(
    fault: Fault, upstream: Upstream, name: str = "faulty", host: str = "127.0.0.1", port: int = 0
) -> Iterator[Server]:
    """A server with this fault, by default on a free port, until the block ends. Raises OSError for one in use."""
    with DnsServer(fault.handler(upstream), name, host, port=port) as server:
        yield server
