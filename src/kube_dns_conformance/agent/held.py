"""What a prober has seen, held until nobody needs it any more. One thread adds to it, others take from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from kube_dns_conformance.agent.kept import Before, Kept
from kube_dns_conformance.agent.observations import PACKED, Seen, packed, unpacked

NOTHING = Before(b"", [], b"", 0, 0, 0)


class Taken(NamedTuple):
    """What is new: the number of the first observation, and all from there on, `packed`; what they refer to in ``said``
    are the first ``told`` of it."""

    first: int
    told: int
    data: bytes


class Held:
    """``slots`` is how many there were, ``missed`` in how many of them nothing was asked.

    What is told is kept in ``kept``, too, and begins with what a process ``before`` this one has left there.
    """

    def __init__(self, kept: Kept | None = None, before: Before = NOTHING) -> None:
        self.said = list(before.said)
        self.slots, self.missed = before.slots, before.missed
        self.taken_at = time.monotonic()
        self._kept = kept
        self._told = len(before.said)
        self._seen = bytearray(before.seen)
        self._forgotten = before.forgotten
        self._failure: BaseException | None = None
        self._news = threading.Condition()

    @property
    def untaken(self) -> int:
        """How many observations are held."""
        return len(self._seen) // PACKED.size

    def last_sent(self) -> float | None:
        """When the last question was asked that is held, by the clock of its prober."""
        last = [one.sent for one in unpacked(bytes(self._seen[-PACKED.size :]))]
        return last[0] if last else None

    def tell(self, new: Sequence[Seen]) -> None:
        """These were seen; they refer to ``said``."""
        data = packed(new)
        with self._news:
            if self._kept:
                self._kept.add(self.slots, self.missed, self.said[self._told :], data)
            self._seen += data
            self._told = len(self.said)
            self._news.notify_all()

    def fail(self, error: BaseException) -> None:
        """There will be no more, for this reason."""
        with self._news:
            self._failure = error
            self._news.notify_all()

    def take(self, after: int, within: float = 0.0, forget: int | None = None) -> Taken:
        """What is beyond the first ``after``; waits for it up to ``within`` seconds. The first ``forget`` of all nobody
        needs any more; as many as were taken, unless that is said.

        Raises what was the reason that there is no more, once all is taken.
        """
        with self._news:
            self.taken_at = time.monotonic()
            self._forget(after if forget is None else forget)
            self._news.wait_for(lambda: self._count > after or self._failure is not None, within)
            first = max(after, self._forgotten)
            data = bytes(self._seen[(first - self._forgotten) * PACKED.size :])
            if self._failure is not None and not data:
                raise self._failure
            return Taken(first, self._told, data)

    @property
    def _count(self) -> int:
        return self._forgotten + self.untaken

    def _forget(self, until: int) -> None:
        until = min(until, self._count)
        if until > self._forgotten:
            del self._seen[: (until - self._forgotten) * PACKED.size]
            self._forgotten = until
            if self._kept:
                self._kept.forget(until, self.slots, self.missed, bytes(self._seen))
