"""A DNS server on loopback that says whatever a function says: the truth, a lie, or no DNS at all.

    with DnsServer(lambda query, transport: reply(query, "10.0.0.1")) as server:
        ask(Question("web.", "A"), server, timeout=1.0)

Sockets, threads and bytes are real; only what is said is made up.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from kube_dns_conformance.dns.model import Server, Transport

Reply = bytes | Iterable[bytes] | None
"""``bytes`` are one message, framed as the transport demands. None is silence. Any other iterable is sent as it is, a
piece at a time: a datagram each over UDP, and over TCP without a length in front; TCP is closed after the last."""

Handler = Callable[[bytes, Transport], Reply]
"""What to say to a query, given its wire format and "udp" or "tcp". Called from several threads at once."""

WORKERS = 32
IDLE_SECONDS = 10.0
SOA = "ns.test. hostmaster.test. 1 7200 1800 86400 5"


class DnsServer:
    """Answers over UDP and TCP on one port of ``host``, by default a free one, from ``with`` to its end.

    The end takes every socket and thread away, and raises what a handler raised unless the test has failed already.
    """

    def __init__(
        self,
        handler: Handler,
        name: str = "dns-0",
        host: str = "127.0.0.1",
        idle: float = IDLE_SECONDS,
        port: int = 0,
    ) -> None:
        """A connection on which nothing comes for ``idle`` seconds is closed. Raises OSError for a ``port`` in use."""
        self._handler, self._idle = handler, idle
        self._udp, self._tcp = _bound(host, port)
        self.server = Server(name, host, self._udp.getsockname()[1])
        self._ended = threading.Event()
        self._connections: set[socket.socket] = set()
        self._failures: list[Exception] = []
        self._pool = ThreadPoolExecutor(WORKERS)
        self._loops = [threading.Thread(target=loop, daemon=True) for loop in (self._serve_udp, self._serve_tcp)]

    def __enter__(self) -> Server:
        for loop in self._loops:
            loop.start()
        return self.server

    def __exit__(self, kind: object, *_: object) -> None:
        self._ended.set()
        address = (self.server.host, self.server.port)
        self._udp.sendto(b"", address)  # wakes the loop
        socket.create_connection(address).close()
        for loop in self._loops:
            loop.join()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._pool.shutdown()
        self._udp.close()
        self._tcp.close()
        if self._failures and kind is None:
            raise self._failures[0]

    def _serve_udp(self) -> None:
        while True:
            query, client = self._udp.recvfrom(65535)
            if self._ended.is_set():
                return
            self._pool.submit(self._guarded, self._answer_udp, query, client)

    def _answer_udp(self, query: bytes, client: Any) -> None:
        said = self._handler(query, "udp")
        for datagram in [said] if isinstance(said, bytes) else said or ():
            self._udp.sendto(datagram, client)

    def _serve_tcp(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            if self._ended.is_set():
                connection.close()
                return
            connection.settimeout(self._idle)
            self._connections.add(connection)
            self._pool.submit(self._guarded, self._converse, connection)

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as incoming, contextlib.suppress(ConnectionError, TimeoutError):
                while head := incoming.read(2):
                    said = self._handler(incoming.read(*struct.unpack("!H", head)), "tcp")
                    if isinstance(said, bytes):
                        connection.sendall(framed(said))
                    elif said is not None:
                        for piece in said:
                            connection.sendall(piece)
                        return
        finally:
            self._connections.discard(connection)

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise it to
            self._failures.append(error)


def framed(message: bytes) -> bytes:
    """A message as it goes over TCP, its length in front (RFC 1035 section 4.2.2)."""
    return struct.pack("!H", len(message)) + message


def reply(
    query: bytes, *values: str, rcode: str = "NOERROR", ttl: int = 5, truncated: bool = False, soa: bool = False
) -> bytes:
    """An answer with these rdata under the name and type that were asked for, in this order and as often as given."""
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked)
    response.set_rcode(dns.rcode.from_text(rcode))
    question = asked.question[0]
    response.answer = [dns.rrset.from_text(question.name, ttl, "IN", question.rdtype, value) for value in values]
    if soa:
        response.authority = [dns.rrset.from_text("test.", ttl, "IN", "SOA", SOA)]
    if truncated:
        response.flags |= dns.flags.TC
    return response.to_wire(max_size=65535)


def records(table: Mapping[str, Sequence[str]], ttl: int = 5) -> Handler:
    """An honest server. ``table`` has the rdata under name and type, for example ``"web.test. A"``.

    A name that is in no entry is denied. What does not fit into the UDP message that the client offers to take is
    truncated.
    """

    def say(query: bytes, transport: Transport) -> bytes:
        asked = dns.message.from_wire(query)
        question = asked.question[0]
        name = str(question.name).lower()
        values = table.get(f"{name} {dns.rdatatype.to_text(question.rdtype)}", ())
        exists = any(key.split()[0] == name for key in table)
        wire = reply(query, *values, rcode="NOERROR" if exists else "NXDOMAIN", ttl=ttl, soa=not values)
        fits = transport == "tcp" or len(wire) <= max(asked.payload, 512)
        return wire if fits else reply(query, truncated=True)

    return say


def _bound(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on the same port; a free one for 0. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.bind((host, port))
            where = udp.getsockname()[:2]
        except OSError:
            udp.close()
            raise
        try:
            return udp, socket.create_server(where, family=family)
        except OSError:  # somebody else has this port over TCP
            udp.close()
            if port:
                raise
