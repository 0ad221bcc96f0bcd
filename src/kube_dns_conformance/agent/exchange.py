"""Sends one DNS message and receives what comes back: bytes out, bytes in, nothing retried, cached or hidden.

Runs in the process of the suite and in the agent's Pod alike, hence the standard library alone and no parsing.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple

HEADER_BYTES = 12
STRAYS_KEPT = 8
LATE_DATAGRAMS = 64
IDLE_SECONDS = 1.0
"""So long at least a connection on which nothing is asked stays open (RFC 7766 section 6.2.3: a few seconds)."""
OURS = {
    *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EPERM, errno.EACCES),
    *(errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH),
}
# From linux/in.h and linux/in6.h; Python has no names for them.
_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}


class Request(NamedTuple):
    """One message for one server. ``host`` is an address, ``transport`` udp, tcp or pipelined, ``timeout`` in seconds.

    *pipelined*: ``wire`` is several messages, each `framed`, sent one right after the other over one connection, and
    the reply's ``wire`` is as many, in any order (RFC 7766 section 6.2.1.1).
    """

    host: str
    port: int
    transport: str
    wire: bytes
    timeout: float


class Reply(NamedTuple):
    """What came back. ``sent`` is when by the clock that was given, ``seconds`` how long until the last byte.

    ``problem`` says why there is no whole message; ``wire`` then holds what there is of it. ``strays`` are datagrams
    that were no answer: from another source, or with another id than the question's. ``ours``: the message could not
    even be sent, which says nothing about the server. ``again``: it was sent twice.
    """

    sent: float
    seconds: float
    wire: bytes = b""
    problem: str | None = None
    strays: tuple[str, ...] = ()
    ours: bool = False
    again: bool = False


class _Failed(Exception):
    """There is no whole message; the text says why."""

    def __init__(self, why: str, wire: bytes = b"", strays: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.wire = wire
        self.strays = strays


def exchange(request: Request, clock: Callable[[], float] = time.time) -> Reply:
    """Ask once. Never raises for what a server does or for an address that cannot be reached."""
    sent, began = clock(), time.monotonic()
    deadline = began + request.timeout
    try:
        wire, strays = _WAYS[request.transport](request, deadline)
    except _Failed as failed:
        return Reply(sent, time.monotonic() - began, failed.wire, str(failed), failed.strays)
    except (TimeoutError, BlockingIOError):
        return Reply(sent, time.monotonic() - began, problem=silence(request))
    except OSError as error:
        return Reply(sent, time.monotonic() - began, problem=reason(error), ours=error.errno in OURS)
    return Reply(sent, time.monotonic() - began, wire, None, strays)


def _udp(request: Request, deadline: float) -> tuple[bytes, tuple[str, ...]]:
    family, address = _resolve(request, socket.SOCK_DGRAM)
    strays: list[str] = []
    other_id: bytes | None = None
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        _hear_refusals(sock, address)
        sock.sendto(request.wire, address)
        late = 0
        while late < LATE_DATAGRAMS:
            # When the time is up as well: this process may have been stopped while the answer was lying there.
            left = max(0.0, deadline - time.monotonic())
            late += not left
            sock.settimeout(left)
            try:
                wire, source = sock.recvfrom(65535)
            except (TimeoutError, BlockingIOError):
                break
            if source[:2] != address[:2]:
                strays.append(f"{len(wire)} bytes from {source[0]} port {source[1]}")
            elif len(wire) >= HEADER_BYTES and wire[:2] != request.wire[:2]:
                # Perhaps a late answer to whoever had this port before us: the right one may still come.
                strays.append(f"{len(wire)} bytes with id {wire[:2].hex()}")
                other_id = wire
            else:
                return wire, tuple(strays)
            del strays[STRAYS_KEPT:]
    if other_id is not None:
        return other_id, tuple(strays)
    raise _Failed(silence(request) + (f", but {'; '.join(strays)}" if strays else ""), strays=tuple(strays))


def _tcp(request: Request, deadline: float) -> tuple[bytes, tuple[str, ...]]:
    sock, deadline = _connected_now(request, deadline)
    with sock:
        sock.sendall(framed(request.wire))
        return _message(sock, deadline), ()


def _pipelined(request: Request, deadline: float) -> tuple[bytes, tuple[str, ...]]:
    answers = b""
    sock, deadline = _connected_now(request, deadline)
    with sock:
        sock.sendall(request.wire)
        for _ in unframed(request.wire):
            try:
                answers += framed(_message(sock, deadline))
            except _Failed as failed:
                raise _Failed(str(failed), answers) from None
            except (TimeoutError, BlockingIOError):
                raise _Failed(silence(request), answers) from None
    return answers, ()


_WAYS = {"udp": _udp, "tcp": _tcp, "pipelined": _pipelined}


def framed(message: bytes) -> bytes:
    """A message as it goes over TCP, its length in front (RFC 1035 section 4.2.2)."""
    return struct.pack("!H", len(message)) + message


def unframed(stream: bytes) -> list[bytes]:
    """The whole messages of a stream of `framed` ones."""
    messages, at = [], 0
    while at + 2 <= len(stream):
        (length,) = struct.unpack_from("!H", stream, at)
        messages.append(stream[at + 2 : at + 2 + length])
        at += 2 + length
    return messages


def _connected_now(request: Request, deadline: float) -> tuple[socket.socket, float]:
    """A connection that a server did not close yet for want of a question, and the deadline for an answer."""
    sock = _connected(request)
    now = time.monotonic()
    if now < deadline - request.timeout + IDLE_SECONDS:
        return sock, deadline
    sock.close()  # this process may have been kept from asking
    return _connected(request), now + request.timeout


def _connected(request: Request) -> socket.socket:
    family, address = _resolve(request, socket.SOCK_STREAM)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(request.timeout)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _message(sock: socket.socket, deadline: float) -> bytes:
    (length,) = struct.unpack("!H", _receive(sock, 2, deadline))
    return _receive(sock, length, deadline)


def _receive(sock: socket.socket, length: int, deadline: float) -> bytes:
    data = b""
    while len(data) < length:
        # A deadline for the whole answer: a server that drips one byte a second must not hold us for ever.
        # What is there when the time is up is still read: this process may have been stopped meanwhile.
        sock.settimeout(max(0.0, deadline - time.monotonic()))
        more = sock.recv(length - len(data))
        if not more:
            raise _Failed(f"connection closed after {len(data)} of {length} bytes", data)
        data += more
    return data


def _resolve(request: Request, kind: socket.SocketKind) -> tuple[socket.AddressFamily, Any]:
    """The socket family, and the address spelt the way the system spells the source of a datagram."""
    found = socket.getaddrinfo(request.host, request.port, type=kind, flags=socket.AI_NUMERICHOST)
    return found[0][0], found[0][4]


def _hear_refusals(sock: socket.socket, address: Any) -> None:
    """Be told when nobody listens. Connecting does that too, but hides answers from a wrong source."""
    if os.uname().sysname == "Linux":
        sock.setsockopt(*_RECVERR[sock.family], 1)
    else:
        sock.connect(address)


def silence(request: Request) -> str:
    """What to say when nothing came."""
    return f"no answer within {request.timeout:g} s"


def reason(error: OSError) -> str:
    """What to say when it could not be asked."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return f"{error.strerror or error}"
