"""Many questions over UDP, many of them on their way to a server at the same time.

Runs in the process of the suite and in the agent's Pod alike, hence the standard library alone and no parsing. What
comes back with the id of a question, and with the question, is its answer; all else is silence here, and `exchange` can
tell more of it.
"""

from __future__ import annotations

import math
import secrets
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from kube_dns_conformance.agent.exchange import HEADER_BYTES, OURS, Reply, Request, reason, silence

GENTLE_RATE = 2000.0
"""Questions a second that hurt nobody: one replica of CoreDNS answers ten times as many."""
_IDS = 65536
MOST_AT_ONCE = 128
"""On their way to one server: as many fit into the usual buffer of its socket (Linux: 212,992 bytes, 768 for each)."""
FEWEST_AT_ONCE = 32
OVERDUE_SECONDS = 0.25
"""What has not been answered by then is still waited for, and keeps no other question from being sent.

It goes once more, as it may have been lost on the way, unless the server has not said anything yet.
"""
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
_Sent = tuple[int, Request, float]
"""The index of a request, the request, and when it went."""


def longest_flight(requests: Sequence[Request], rate: float) -> float:
    """How many seconds it takes to ask all these when nobody answers."""
    longest = max(one.timeout for one in requests)
    messages = 2 * len(requests)
    return longest + OVERDUE_SECONDS * messages / FEWEST_AT_ONCE + (messages / rate if rate else 0.0)


class Limit:
    """Lets ``rate`` questions a second go, all servers together; 0 is as many as they answer."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._next = 0.0

    def wait(self, now: float) -> float:
        """How many seconds until the next question may go; 0.0 lets it go, and counts it."""
        if not self._rate:
            return 0.0
        if self._next > now:
            return self._next - now
        self._next = max(self._next, now - LATE_SECONDS) + 1 / self._rate
        return 0.0


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
        elif self.size < MOST_AT_ONCE:
            self.size = min(MOST_AT_ONCE, self.size + FEWEST_AT_ONCE / self.size)

    def lost(self) -> None:
        """None came."""
        self.size = max(FEWEST_AT_ONCE, self.size / 2)


class Flights:
    """Asks batches, one at a time. What it learned of a server's speed is kept for the next batch.

    A request is taken only when it may soon be sent, and its reply is given as soon as it is there: whoever makes the
    one and reads the other does so while the servers work.

    ``rate`` is how many questions a second may go, all servers together; 0 is as many as they answer.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.time) -> None:
        self._limit = Limit(rate)
        self._clock = clock
        self._windows: dict[tuple[str, int], Window] = {}

    def fly(self, requests: Sequence[Request]) -> list[Reply]:
        """Ask all; the replies come in the order of the requests."""
        found = dict(self.stream(requests))
        return [found[index] for index in range(len(requests))]

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
        """Ask all; each reply with which request it is to, counted from 0, as it comes."""
        legs: dict[tuple[str, int], _Leg] = {}
        try:
            yield from self._stream(legs, _Coming(requests))
        finally:
            for leg in legs.values():
                leg.close()

    def _stream(self, legs: dict[tuple[str, int], _Leg], coming: _Coming) -> Iterator[tuple[int, Reply]]:
        poll = select.poll()
        while True:
            for index, request in coming.taken(legs.values()):
                server = request[:2]
                leg = legs.get(server)
                if leg is None:
                    leg = _Leg(server, self._windows.setdefault(server, Window()), self._clock, poll)
                    legs[server] = leg
                leg.add(index, request)
            wait = min((leg.go_on(self._limit) for leg in legs.values()), default=0.0)
            for leg in legs.values():
                yield from leg.taken()
            if coming.may_go_on(legs.values()):
                continue
            # Where all is answered that was taken, what has gone twice may leave no room for the rest for a while.
            if coming.have_ended and all(leg.is_done for leg in legs.values()):
                return
            if wait > 0:
                poll.poll(wait * 1000)


class _Coming:
    """The requests that were not taken yet."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self.have_ended = False
        self._rest = enumerate(requests)

    def may_go_on(self, legs: Iterable[_Leg]) -> bool:
        """Whether there are more, and some server that may soon be asked."""
        return not self.have_ended and any(leg.room > 0 for leg in legs)

    def taken(self, legs: Iterable[_Leg]) -> list[tuple[int, Request]]:
        """Those that somebody may soon be asked, and no more than a few at a time."""
        room = max(0, min(FEWEST_AT_ONCE, max((leg.room for leg in legs), default=FEWEST_AT_ONCE)))
        found = list(islice(self._rest, room))
        self.have_ended = self.have_ended or len(found) < room
        return found


class _Leg:
    """What is asked of one server, over one socket."""

    def __init__(self, server: tuple[str, int], window: Window, clock: Callable[[], float], poll: select.poll) -> None:
        self._replies: list[tuple[int, Reply]] = []
        self._sock: socket.socket | None = None
        self._ended: OSError | None = None
        self._poll = poll
        self._window = window
        self._ahead = clock() - time.monotonic()
        self._waiting = deque[tuple[int, Request]]()
        self._unanswered = 0
        self._twice: set[int] = set()
        self._twice_told: set[int] = set()
        self._has_spoken = False
        self._id = secrets.randbelow(_IDS)
        self._flying: dict[bytes, _Sent] = {}
        self._overdue: dict[bytes, _Sent] = {}
        try:
            self._sock = _connected(*server)
            poll.register(self._sock, select.POLLIN)
        except OSError as error:
            self._end(error)

    def add(self, index: int, request: Request) -> None:
        """One more to ask."""
        self._waiting.append((index, request))
        self._unanswered += 1
        if self._ended is not None:
            self._end(self._ended)

    @property
    def room(self) -> int:
        """How many more could be on their way; less than none where more wait already."""
        return math.ceil(self._window.size) - len(self._flying) - len(self._waiting)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to send, or to wait for."""
        return not self._unanswered

    def taken(self) -> list[tuple[int, Reply]]:
        """What came since it was asked last, each with the index of its request."""
        found, self._replies = self._replies, []
        return found

    def close(self) -> None:
        """Listen no more."""
        if self._sock is not None:
            self._poll.unregister(self._sock)
            self._sock.close()
            self._sock = None

    def go_on(self, limit: Limit) -> float:
        """Send what may go and hear what has come; for how many seconds there is nothing to do after that."""
        sock = self._sock
        if sock is None:
            return FOREVER
        try:
            wait = self._send(sock, limit)
            heard = self._hear(sock)
        except OSError as error:
            self._end(error)
            return 0.0
        return 0.0 if heard else min(wait, self._give_up())

    def _send(self, sock: socket.socket, limit: Limit) -> float:
        flying, waiting, room = self._flying, self._waiting, self._window.size
        while waiting and len(flying) < room:
            index, request = waiting[0]
            if index in self._twice_told:
                waiting.popleft()
                continue
            name = self._free_id()
            now = time.monotonic()
            if wait := limit.wait(now):
                return wait
            try:
                sock.send(name + request.wire[2:])
            except BlockingIOError:
                break  # what comes back makes room
            flying[name] = index, request, now
            waiting.popleft()
        return FOREVER

    def _free_id(self) -> bytes:
        """The next one that no question has which may still be answered."""
        while True:
            self._id = (self._id + 1) % _IDS
            name = self._id.to_bytes(2, "big")
            if name not in self._flying and name not in self._overdue:
                return name

    def _hear(self, sock: socket.socket) -> int:
        """How many answers there were. Those that are not expected any more, or never were, are nobody's."""
        heard = 0
        with suppress(BlockingIOError):
            for _ in range(MOST_AT_ONCE):  # whoever sends without end is not listened to without end
                wire = sock.recv(MESSAGE_BYTES)
                name = wire[:2]
                where = self._flying if name in self._flying else self._overdue
                one = where.get(name)
                if one is None or not _is_about(wire, one[1].wire):
                    continue
                del where[name]
                index, request, sent = one
                seconds = time.monotonic() - sent
                self._window.came(seconds)
                self._has_spoken = True
                heard += self._tell(index, Reply(sent + self._ahead, seconds, request.wire[:2] + wire[2:]))
        return heard

    def _give_up(self) -> float:
        """Let others go in place of what is overdue, and forget what was not answered in time; when there is more."""
        now = time.monotonic()
        while self._flying:
            name, (index, request, sent) = _oldest(self._flying)
            if (left := sent + OVERDUE_SECONDS - now) > 0:
                break
            self._overdue[name] = self._flying.pop(name)
            self._window.lost()
            if self._has_spoken and index not in self._twice:
                self._twice.add(index)
                self._waiting.appendleft((index, request))
        else:
            left = 0.0 if self._waiting else FOREVER
        while self._overdue:
            name, (index, request, sent) = _oldest(self._overdue)
            if (more := sent + request.timeout - now) > 0:
                return min(left, more)
            del self._overdue[name]
            self._tell_why(index, sent, silence(request))
        return left

    def _end(self, error: OSError) -> None:
        """Nobody listens there, or it cannot be asked from here: that is so for all that is not answered."""
        self._ended = error
        self.close()
        now = time.monotonic()
        for index, _, sent in [*self._overdue.values(), *self._flying.values()]:
            self._tell_why(index, sent, reason(error), ours=error.errno in OURS)
        for index, _ in self._waiting:
            self._tell_why(index, now, reason(error), ours=error.errno in OURS)
        for some in (self._overdue, self._flying, self._waiting):
            some.clear()

    def _tell_why(self, index: int, sent: float, problem: str, *, ours: bool = False) -> None:
        seconds = time.monotonic() - sent
        self._tell(index, Reply(sent + self._ahead, seconds, problem=problem, ours=ours))

    def _tell(self, index: int, reply: Reply) -> bool:
        """Whether that was not known yet: of what went twice the first answer counts, or the end of the first."""
        if index in self._twice:
            if index in self._twice_told:
                return False
            self._twice_told.add(index)
            reply = reply._replace(again=True)
        self._unanswered -= 1
        self._replies.append((index, reply))
        return True


def _oldest(some: Mapping[bytes, _Sent]) -> tuple[bytes, _Sent]:
    return next(iter(some.items()))


def _is_about(wire: bytes, query: bytes) -> bool:
    return wire.startswith(query[HEADER_BYTES : query.find(0, HEADER_BYTES) + 5], HEADER_BYTES)


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
