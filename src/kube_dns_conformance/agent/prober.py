"""Asks the same questions again and again, each in its place within a slot, and keeps what came back.

Runs in the process of the suite and in the agent's Pod alike, hence the standard library alone and next to no parsing.
One thread, and one socket for each server, transport and slot, so that thousands of questions a second fit on one core.
A new socket in every slot, because a Service sends all that comes from one port to the same replica.
"""

from __future__ import annotations

import math
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b

from kube_dns_conformance.agent.alike import alike
from kube_dns_conformance.agent.held import Held
from kube_dns_conformance.agent.observations import Probe, Said, Seen, unpacked
from kube_dns_conformance.agent.talks import Pending, Talk, Tcp, Udp

STEP_SECONDS = 0.0025
"""How often what is due is sent: a little at a time, so that no buffer overflows at the beginning of a slot."""
TICK_SECONDS = 0.05
"""The longest that it listens before it looks at the time again."""
STALL_SECONDS = 0.1
"""Whoever comes round later than that was kept from it: by a busy machine, or by other threads of this process."""
SLOW = 0.25
"""Of the time that an answer has: who needs more is asked too much, and is asked less."""
MOST_SPARED = 8
"""So many times less at most."""
SPARING_SECONDS = 1.0
"""For how long at least one pace is kept."""
MOST_UNTAKEN = 1_000_000
"""Observations that are held, 24 MB of them: half an hour at 555 questions a second."""
MOST_TOGETHER = 50
"""So many questions are in one connection at most: a server may take them one after the other."""
DIGEST_BYTES = 16
TRUNCATED = 0x02
"""In the third byte of a message (RFC 1035 section 4.1.1)."""


class Prober(threading.Thread):
    """Asks every probe once in each slot, from `start` to `stop`; `take` has what was seen.

    ``slot`` and ``timeout`` are seconds. A question over UDP that nobody answers in time, or that is refused, is asked
    once more, as resolvers do: a packet may be lost, or go to a replica that has just ended. Slots that this process
    was too slow for are left out, and so are some while answers are slow, so that nobody fails because of being
    watched; both are counted in ``missed`` of ``slots``.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        slot: float,
        timeout: float,
        clock: Callable[[], float] = time.time,
        held: Held | None = None,
        lease: float = math.inf,
    ) -> None:
        """``held`` may have what a prober before this one has seen.

        With a ``lease`` it ends, and what it has seen stays, when nobody has taken anything for so many seconds, or
        when `MOST_UNTAKEN` are held.
        """
        super().__init__(daemon=True)
        self.held = held or Held()
        self._probes, self._slot, self._timeout, self._clock = list(probes), slot, timeout, clock
        self._steps = list(_steps(self._probes))
        self._lease = lease
        self._known: dict[tuple[bytes, str | None, bool], int] = {}
        self._ended = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._talks: dict[Talk, None] = {}
        self._of_slot: dict[tuple[str, int], Udp] = {}
        self._new: list[Seen] = []
        self._queues = [deque[Pending]() for _ in probes]
        self._pace = Pace(timeout * SLOW)
        self._listened = time.monotonic()
        if (last := self.held.last_sent()) is not None:
            self._miss(int((clock() - last) / slot))

    @property
    def said(self) -> list[Said]:
        """What was said, which observations refer to by its number."""
        return self.held.said

    @property
    def slots(self) -> int:
        """How many there were."""
        return self.held.slots

    @property
    def missed(self) -> int:
        """In how many of them it did not ask."""
        return self.held.missed

    def stop(self) -> None:
        """End the asking. What is not answered yet will not be seen."""
        self._ended.set()
        self.join()

    def take(self, after: int, within: float = 0.0) -> list[Seen]:
        """What was seen beyond the first ``after``, which are forgotten; waits no more than ``within`` seconds.

        Raises OSError when nothing can be asked from here, which says nothing about a server.
        """
        return list(unpacked(self.held.take(after, within).data))

    def run(self) -> None:
        """The thread."""
        try:
            self._go_on()
        except BaseException as error:  # noqa: BLE001 - whoever takes has to hear of it
            self.held.fail(error)
        finally:
            for talk in list(self._talks):
                self._close(talk)
            self._selector.close()

    def _go_on(self) -> None:
        start, done = time.monotonic(), 0
        self._listened = start
        while not self._ended.is_set():
            passed = (time.monotonic() - start) / self._slot
            due = min(len(self._steps), math.ceil(passed * len(self._steps)))
            for probes in self._steps[done:due]:
                self._ask(probes)
            done = max(done, due)
            if passed >= 1:
                # What is late is asked late; slots that went by as a whole are not asked in a burst afterwards.
                self.held.slots += 1
                self._miss(int(passed) - 1)
                start, done = start + int(passed) * self._slot, 0
                self._of_slot = {}
                if self._pace.leaves_out(time.monotonic()):
                    self.held.missed += 1
                    done = len(self._steps)
            more = done < len(self._steps)
            left = start + self._slot * (done / len(self._steps) if more else 1.0) - time.monotonic()
            self._hear(min(max(left, STEP_SECONDS if more else 0.0), TICK_SECONDS))
            self._excuse()
            self._give_up()
            self._tell()

    def _ask(self, probes: Sequence[int]) -> None:
        """Ask what is due together: one probe over UDP, or all probes of a server over TCP."""
        first, deadline = self._probes[probes[0]], time.monotonic() + self._timeout
        began, sent = time.monotonic(), self._clock()  # in this order: nothing came before it was heard
        pending = [Pending(one, sent, began, self._probes[one].wire) for one in probes]
        for one in pending:
            self._queues[one.probe].append(one)
        if first.transport == "tcp":
            self._open(Tcp(first, pending, deadline))
            return
        where = first.host, first.port
        if where not in self._of_slot:
            self._of_slot[where] = Udp(first, deadline)
            self._open(self._of_slot[where])
        talk = self._of_slot[where]
        talk.deadline = deadline
        talk.ask(pending[0])

    def _ask_again(self, probe: Probe, pending: list[Pending], *, cut: bool) -> None:
        """Ask over TCP what came truncated, and once more what was silent or refused over UDP."""
        deadline = time.monotonic() + self._timeout
        for one in pending:
            one.cut, one.again = cut, True
        if cut:
            self._open(Tcp(probe, pending, deadline))
            return
        talk = Udp(probe, deadline)
        self._open(talk)
        for one in pending:
            talk.ask(one)

    def _hear(self, seconds: float) -> None:
        ready = self._selector.select(max(0.0, seconds))
        self._excuse()
        for key, _ in ready:
            talk: Talk = key.data
            self._take_in(talk)
            if isinstance(talk, Tcp):
                if not talk.waiting:
                    self._close(talk)
                elif not talk.unsent:
                    self._selector.modify(talk.sock, selectors.EVENT_READ, talk)

    def _take_in(self, talk: Talk) -> None:
        """Take what came of questions, or ask again what was truncated, or refused for the first time."""
        truncated, refused = list[Pending](), list[Pending]()
        for pending, wire, problem in talk.hear():
            if isinstance(talk, Udp) and problem is None and wire[2] & TRUNCATED:
                truncated.append(pending)
            elif isinstance(talk, Udp) and problem and not pending.again:
                refused.append(pending)
            elif isinstance(talk, Tcp) and problem and talk.may_be_closed:
                self._open(Tcp(self._probes[pending.probe], [pending], time.monotonic() + self._timeout))
            else:
                self._note(pending, wire, problem)
        for some, cut in ((truncated, True), (refused, False)):
            if some:
                self._ask_again(self._probes[some[0].probe], some, cut=cut)

    def _excuse(self) -> None:
        """Nobody is held to have been silent, or to have closed for no reason, while this was kept from its work."""
        now = time.monotonic()
        kept, self._listened = now - self._listened, now
        if kept > STALL_SECONDS:
            for talk in self._talks:
                talk.deadline += kept - TICK_SECONDS
                talk.kept += kept

    def _give_up(self) -> None:
        """Close what is done with, and what nobody answers any more."""
        now, current = time.monotonic(), list(self._of_slot.values())
        for talk in list(self._talks):
            if (talk.deadline > now) if talk.waiting else (talk in current):
                continue
            lost = []
            for one in talk.all_waiting():
                if isinstance(talk, Udp) and not one.again:
                    lost.append(one)
                else:
                    self._note(one, b"", talk.silence(self._timeout))
            self._close(talk)
            if lost:
                self._ask_again(self._probes[lost[0].probe], lost, cut=False)

    def _note(self, pending: Pending, wire: bytes, problem: str | None) -> None:
        """What came of a question, which is told when those of its probe before it are."""
        if problem is None and not pending.again:
            self._pace.took(time.monotonic() - pending.began)
        # Of thousands of large answers the digests take no memory to speak of.
        key = blake2b(wire if problem else alike(wire), digest_size=DIGEST_BYTES).digest(), problem, pending.cut
        said = self._known.get(key)
        if said is None:
            said = self._known[key] = len(self.said)
            self.said.append(Said.of(wire if problem else wire[2:], problem, cut=pending.cut))
        pending.seen = Seen(pending.probe, pending.sent, time.monotonic() - pending.began, said)
        queue = self._queues[pending.probe]
        while queue and (seen := queue[0].seen):
            self._new.append(seen)
            queue.popleft()

    def _tell(self) -> None:
        if self._new:
            self.held.tell(self._new)
            self._new = []
        if math.isinf(self._lease):  # whoever reads it here would wait for more in vain
            return
        if self.held.untaken >= MOST_UNTAKEN or time.monotonic() - self.held.taken_at > self._lease:
            self._ended.set()

    def _miss(self, slots: int) -> None:
        self.held.slots += slots
        self.held.missed += slots

    def _open(self, talk: Talk) -> None:
        self._talks[talk] = None
        self._selector.register(talk.sock, talk.events, talk)

    def _close(self, talk: Talk) -> None:
        del self._talks[talk]
        self._selector.unregister(talk.sock)
        talk.sock.close()


class Pace:
    """Which slots are left out: every other one while answers are slow, three of four while they still are, and so on.

    As soon as they are not, it is undone in the same steps.
    """

    def __init__(self, slow: float) -> None:
        """``slow`` is seconds."""
        self._slow = slow
        self._every = 1
        self._number = 0
        self._was_slow = False
        self._since = 0.0

    def took(self, seconds: float) -> None:
        """How long an answer took."""
        self._was_slow |= seconds > self._slow

    def leaves_out(self, now: float) -> bool:
        """Whether the slot that begins now is left out. ``now`` is seconds, of any clock."""
        if now - self._since >= SPARING_SECONDS:
            self._every = min(MOST_SPARED, 2 * self._every) if self._was_slow else max(1, self._every // 2)
            self._since, self._was_slow = now, False
        self._number += 1
        return self._number % self._every != 0


def _steps(probes: Sequence[Probe]) -> Iterator[list[int]]:
    """What is asked together: each probe alone, but over TCP some probes of a server."""
    connections: dict[tuple[str, int], list[int]] = {}
    for index, probe in enumerate(probes):
        where = probe.host, probe.port
        if probe.transport != "tcp":
            yield [index]
        elif where in connections and len(connections[where]) < MOST_TOGETHER:
            connections[where].append(index)
        else:
            connections[where] = [index]
            yield connections[where]
