"""Many questions over UDP, many of them on their way to a server at the same time.

Runs in the process of the suite and in the agent's Pod alike, hence the standard library alone and no parsing. What
comes back with the id of a question, and with the question, is its answer. Whatever else happens to one is for
`exchange`, which asks it alone and tells what it saw.
"""

from __future__ import annotations

import secrets
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from kube_dns_conformance.agent.exchange import HEADER_BYTES, Reply, Request

GENTLE_RATE = 2000.0
"""Questions a second that hurt nobody: one replica of CoreDNS answers ten times as many."""
_IDS = 65536
MOST_AT_ONCE = 256
"""On their way to one server: what it answers fits into the buffer of a socket."""
FEWEST_AT_ONCE = 16
SILENT_QUESTIONS = 32
"""Who says nothing to so many in a row is asked no more."""
SLOW = 3.0
"""Who needs so many times as long as for the quickest answer has enough to do."""
SLOW_SECONDS = 0.01
"""What takes no longer is never called slow."""
LATE_SECONDS = 0.01
"""So much of what was not sent in time is made up for."""
RECEIVE_BYTES = 4 * 1024 * 1024
MESSAGE_BYTES = 65535
FOREVER = 60.0
"""Nothing is waited for so long (seconds)."""


def longest_flight(requests: Sequence[Request], rate: float) -> float:
    """How many seconds it may take at most to ask all these: when every second one is lost, and never two in a row."""
    longest = max(one.timeout for one in requests)
    return longest * (1 + len(requests) / FEWEST_AT_ONCE) + (len(requests) / rate if rate else 0.0)


class Limit:
    """Lets ``rate`` questions a second go, all servers together; 0 is as many as they answer."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._next = 0.0

    def wait(self, now: float) -> float:
        """How many seconds until the next question may go."""
        return max(0.0, self._next - now) if self._rate else 0.0

    def gone(self, now: float) -> None:
        """One went."""
        if self._rate:
            self._next = max(self._next, now - LATE_SECONDS) + 1 / self._rate


class Window:
    """How many questions may be on their way to one server.

    Each answer makes it a little wider; slow ones make it narrower, and lost ones by half (additive increase and
    multiplicative decrease, as in RFC 5681 section 3.1).
    """

    def __init__(self) -> None:
        self.size = float(FEWEST_AT_ONCE)
        self._quickest = float("inf")

    def came(self, seconds: float) -> None:
        """An answer did, after so long."""
        self._quickest = min(self._quickest, seconds)
        if seconds > SLOW_SECONDS and seconds > SLOW * self._quickest:
            self.size = max(FEWEST_AT_ONCE, self.size - 1)
        else:
            self.size = min(MOST_AT_ONCE, self.size + FEWEST_AT_ONCE / self.size)

    def lost(self) -> None:
        """None came."""
        self.size = max(FEWEST_AT_ONCE, self.size / 2)


class Flights:
    """Asks batches, one at a time. What it learned of a server's speed is kept for the next batch.

    ``rate`` is how many questions a second may go, all servers together; 0 is as many as they answer.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.time) -> None:
        self._limit = Limit(rate)
        self._clock = clock
        self._windows: dict[tuple[str, int], Window] = {}

    def fly(self, requests: Sequence[Request]) -> list[Reply | None]:
        """Ask all; None for what got no answer in time or could not be asked at all."""
        replies: list[Reply | None] = [None] * len(requests)
        by_server: dict[tuple[str, int], list[int]] = {}
        for index, request in enumerate(requests):
            by_server.setdefault(request[:2], []).append(index)
        legs = []
        try:
            for server, indexes in by_server.items():
                window = self._windows.setdefault(server, Window())
                with suppress(OSError):  # no way to it
                    legs.append(_Leg(server, window, requests, indexes, replies, self._clock))
            self._fly(legs)
        finally:
            for leg in legs:
                leg.sock.close()
        return replies

    def _fly(self, legs: Iterable[_Leg]) -> None:
        flying = list(legs)
        poll = select.poll()
        for leg in flying:
            poll.register(leg.sock, select.POLLIN)
        while flying:
            wait = min(leg.go_on(self._limit) for leg in flying)
            for leg in [leg for leg in flying if leg.is_done]:
                poll.unregister(leg.sock)
                flying.remove(leg)
            if flying and wait > 0:
                poll.poll(wait * 1000)


class _Leg:
    """What is asked of one server, over one socket. Raises OSError where there is no way to it."""

    def __init__(
        self,
        server: tuple[str, int],
        window: Window,
        requests: Sequence[Request],
        indexes: Iterable[int],
        replies: list[Reply | None],
        clock: Callable[[], float],
    ) -> None:
        self.sock = _connected(*server)
        self._window = window
        self._requests = requests
        self._waiting = deque(indexes)
        self._replies = replies
        self._ahead = clock() - time.monotonic()
        self._id = secrets.randbelow(_IDS)
        self._flying: dict[bytes, tuple[int, float]] = {}
        self._silent = 0

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to send, or to wait for."""
        return not (self._waiting or self._flying)

    def go_on(self, limit: Limit) -> float:
        """Send what may go and hear what has come; for how many seconds there is nothing to do after that."""
        try:
            wait = self._send(limit)
            heard = self._hear()
        except OSError:  # nobody listens there: that is told of each question by whoever asks it alone
            self._waiting.clear()
            self._flying.clear()
            return 0.0
        if heard:
            return 0.0
        return min(wait, self._give_up())

    def _send(self, limit: Limit) -> float:
        flying, waiting = self._flying, self._waiting
        while waiting and len(flying) < self._window.size:
            now = time.monotonic()
            if wait := limit.wait(now):
                return wait
            name = self._id.to_bytes(2, "big")
            try:
                self.sock.send(name + self._requests[waiting[0]].wire[2:])
            except BlockingIOError:
                break  # what comes back makes room
            limit.gone(now)
            flying[name] = (waiting.popleft(), now)
            self._id = (self._id + 1) % _IDS
        return FOREVER

    def _hear(self) -> int:
        """How many answers there were. Those that are not expected any more, or never were, are nobody's."""
        heard = 0
        with suppress(BlockingIOError):
            for _ in range(MOST_AT_ONCE):  # whoever sends without end is not listened to without end
                wire = self.sock.recv(MESSAGE_BYTES)
                asked = self._flying.get(wire[:2])
                if asked is None or not _is_about(wire, self._requests[asked[0]].wire):
                    continue
                index, sent = self._flying.pop(wire[:2])
                seconds = time.monotonic() - sent
                self._replies[index] = Reply(sent + self._ahead, seconds, self._requests[index].wire[:2] + wire[2:])
                self._window.came(seconds)
                self._silent = 0
                heard += 1
        return heard

    def _give_up(self) -> float:
        """Forget what was not answered in time; when the next one will not have been."""
        now = time.monotonic()
        while self._flying:
            name, (index, sent) = next(iter(self._flying.items()))  # the one that has waited longest
            left = sent + self._requests[index].timeout - now
            if left > 0:
                return left
            del self._flying[name]
            self._window.lost()
            self._silent += 1
            if self._silent >= SILENT_QUESTIONS:
                self._waiting.clear()
        return 0.0 if self._waiting else FOREVER


def _is_about(wire: bytes, query: bytes) -> bool:
    end = query.find(0, HEADER_BYTES) + 5
    return wire[HEADER_BYTES:end] == query[HEADER_BYTES:end]


def _connected(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        made.setblocking(False)
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made
