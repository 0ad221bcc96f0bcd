"""Questions on their way: datagrams from one port, or messages over one connection, and who waits for an answer."""

from __future__ import annotations

import secrets
import selectors
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kube_dns_conformance.agent.exchange import HEADER_BYTES, IDLE_SECONDS, OURS, framed
from kube_dns_conformance.agent.observations import Probe, Seen

MOST_BYTES = 65535
RECEIVE_BUFFER = 1 << 20


@dataclass(slots=True, eq=False)
class Pending:
    """A question that is not answered yet: when it was sent first by the clock of the prober, and by ours."""

    probe: int
    sent: float
    began: float
    wire: bytes
    again: bool = False
    cut: bool = False
    seen: Seen | None = None


class Talk(ABC):
    """Questions to one server over one socket."""

    events = selectors.EVENT_READ

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.deadline = deadline
        self.kept = 0.0
        """For how many seconds this process was kept from sending or listening."""
        self.waiting: dict[int, Pending] = {}
        self.strays = 0
        self._id = secrets.randbelow(1 << 16)

    def message(self, pending: Pending) -> bytes:
        """The question with an id of its own, waited for from now on."""
        self._id = (self._id + 1) & 0xFFFF
        self.waiting[self._id] = pending
        return self._id.to_bytes(2, "big") + pending.wire[2:]

    def answered(self, wire: bytes) -> Pending | None:
        """Who waited for this message."""
        pending = self.waiting.pop(int.from_bytes(wire[:2], "big"), None) if len(wire) >= HEADER_BYTES else None
        self.strays += pending is None
        return pending

    @abstractmethod
    def hear(self) -> Iterator[tuple[Pending, bytes, str | None]]:
        """Whoever is answered now, with the message or what is wrong. Raises OSError for a reason of ours."""

    def silence(self, timeout: float) -> str:
        """Why those who still wait wait in vain."""
        strays = f", but {self.strays} messages that were no answer" if self.strays else ""
        return f"no answer within {timeout:g} s{strays}"

    def all_waiting(self) -> list[Pending]:
        """Everybody, who then wait no more."""
        left = list(self.waiting.values())
        self.waiting.clear()
        return left


class Udp(Talk):
    """Datagrams. The socket is connected, so that refusals are heard and strangers are not."""

    def __init__(self, probe: Probe, deadline: float) -> None:
        super().__init__(_socket(probe, socket.SOCK_DGRAM), deadline)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.refused = False

    def ask(self, pending: Pending) -> None:
        """Send a question. Raises OSError when it cannot be sent for a reason of ours."""
        message = self.message(pending)
        for _ in range(2):
            try:
                self.sock.send(message)
            except BlockingIOError:
                return  # as if it was lost
            except OSError as error:  # of a datagram before this one, which is not sent then
                self._insist_not_ours(error)
                self.refused = True
            else:
                return

    def hear(self) -> Iterator[tuple[Pending, bytes, str | None]]:
        """See `Talk`."""
        while True:
            try:
                wire = self.sock.recv(MOST_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                self._insist_not_ours(error)
                self.refused = True
                continue
            if pending := self.answered(wire):
                yield pending, wire, None
        if self.refused:
            self.refused = False
            # Which of them was refused nobody says; nobody listens, so that none will be answered.
            yield from ((one, b"", "connection refused") for one in self.all_waiting())

    def _insist_not_ours(self, error: OSError) -> None:
        if error.errno in OURS:
            raise error


class Tcp(Talk):
    """Several questions, one right after the other, over one connection (RFC 7766 section 6.2.1.1)."""

    events = selectors.EVENT_READ | selectors.EVENT_WRITE

    def __init__(self, probe: Probe, pending: Iterable[Pending], deadline: float) -> None:
        super().__init__(_socket(probe, socket.SOCK_STREAM), deadline)
        self.unsent = b"".join(framed(self.message(one)) for one in pending)
        self._is_shared = len(self.waiting) > 1
        self._is_refused = False
        self._received = bytearray()

    @property
    def may_be_closed(self) -> bool:
        """Whether a server may have closed it rightly, as clients are to ask again then (RFC 7766 section 6.2.4).

        Whoever answered one question of several, or was not asked for too long. A refusal has another reason.
        """
        return self._is_shared or (self.kept > IDLE_SECONDS and not self._is_refused)

    def hear(self) -> Iterator[tuple[Pending, bytes, str | None]]:
        """See `Talk`; goes on sending as well."""
        try:
            if self.unsent:
                self.unsent = self.unsent[self.sock.send(self.unsent) :]
            more = self.sock.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in OURS:
                raise
            self._is_refused = isinstance(error, ConnectionRefusedError)
            why = "connection refused" if self._is_refused else str(error.strerror or error)
            yield from ((one, b"", why) for one in self.all_waiting())
            return
        self._received += more
        yield from self._messages()
        if not more:
            yield from ((one, bytes(self._received), self._closed()) for one in self.all_waiting())

    def _messages(self) -> Iterator[tuple[Pending, bytes, str | None]]:
        while len(self._received) >= 2:
            end = 2 + int.from_bytes(self._received[:2], "big")
            if len(self._received) < end:
                return
            wire = bytes(self._received[2:end])
            del self._received[:end]
            if pending := self.answered(wire):
                yield pending, wire, None

    def _closed(self) -> str:
        needed = 2 if len(self._received) < 2 else 2 + int.from_bytes(self._received[:2], "big")
        return f"connection closed after {len(self._received)} of {needed} bytes"


def _socket(probe: Probe, kind: socket.SocketKind) -> socket.socket:
    """One that is connected, or is about to be. Raises OSError for a reason of ours."""
    family = socket.AF_INET6 if ":" in probe.host else socket.AF_INET
    sock = socket.socket(family, kind)
    sock.setblocking(False)
    error = sock.connect_ex((probe.host, probe.port))
    if error in OURS:
        sock.close()
        raise OSError(error, "cannot be asked from here")
    return sock
