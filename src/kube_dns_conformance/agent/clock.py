"""Tells the time of day here for what an agent's clock says: a node's idea of it may be off by any amount."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

from kube_dns_conformance.agent.batch import Replies

DRIFT = 100e-6
"""How far two clocks may run apart, in seconds for each second; crystals are better than that."""


STEP_SECONDS = 1.0
"""Of two processes whose clocks are further apart, one was started before somebody has set the machine's clock."""
PIECES_KEPT = 64
"""So many estimates ago nothing was asked that is answered now."""


@dataclass(frozen=True)
class _Estimate:
    offset: float
    error: float
    at: float
    boot: str


class Clock:
    """Learns from every batch how an agent's monotonic clock relates to the time of day here.

    Both legs of a round trip are taken to last equally long, so that the error is at most half of what the round trip
    took beside the agent's own work; the best estimate so far is kept, and its error grows with its age.
    """

    def __init__(self) -> None:
        self._best: _Estimate | None = None
        self.skew = 0.0
        """How many seconds the clock of the agent's node is ahead of ours."""

    @property
    def is_known(self) -> bool:
        """Whether it has learnt anything yet."""
        return self._best is not None

    @property
    def error(self) -> float:
        """How far `here` may be off, in seconds, as of the last estimate that was taken over."""
        return self._best.error if self._best else 0.0

    @property
    def offset(self) -> float:
        """What is to be added to a moment by the agent's clock, in seconds. Raises RuntimeError: nothing is known."""
        return self._known.offset

    @property
    def boot(self) -> str:
        """Of which start of its machine the agent's clock is. Raises RuntimeError: nothing is known."""
        return self._known.boot

    def learn(self, sent: float, received: float, replies: Replies) -> None:
        """``sent`` and ``received`` are seconds since the epoch by the clock of this process."""
        head = replies.head
        offset = ((sent - head.monotonic) + (received - replies.ended)) / 2
        error = ((received - sent) - (replies.ended - head.monotonic)) / 2
        old = self._best
        # A machine that was started anew has another monotonic clock; an agent that was, has not.
        if old and old.boot == head.boot and old.error + DRIFT * (received - old.at) < error:
            return
        self._best = _Estimate(offset, error, received, head.boot)
        self.skew = head.wall - (head.monotonic + offset)

    def here(self, monotonic: float) -> float:
        """Seconds since the epoch, by the clock of this process, when the agent's said ``monotonic``."""
        return monotonic + self._known.offset

    @property
    def _known(self) -> _Estimate:
        if self._best is None:
            raise RuntimeError("nothing was learnt about the agent's clock yet")
        return self._best


class _Piece(NamedTuple):
    offset: float
    earliest: float


class Course:
    """Tells the times of what was seen one after the other, by a `Clock` that is known better and better meanwhile.

    What was later is never told to be earlier: a better estimate holds from the latest moment on that was told, and of
    the moments that would have been before that, as they are told now, all that is said is that they were not.
    """

    def __init__(self) -> None:
        self._boot = ""
        self._ends: list[float] = []
        """Of all pieces but the last."""
        self._pieces: list[_Piece] = []
        self._latest = self._told = -math.inf

    def __str__(self) -> str:
        """For whoever goes on in place of this process, see `go_on`."""
        return f"{self._boot} {self._latest!r} {self._told!r}" if self._pieces else ""

    def go_on(self, said: str, clock: Clock) -> None:
        """From where another process ended, if it told the times by the same clocks."""
        boot, *moments = said.split() or [""]
        latest, told = map(float, moments or (0, 0))
        if boot == clock.boot and abs(clock.here(latest) - told) < STEP_SECONDS:
            self._boot, self._latest, self._told = boot, latest, told
            self._pieces = [_Piece(told - latest, -math.inf)]

    def follow(self, clock: Clock) -> None:
        """From the latest moment that was told on, as is known of the clock now."""
        if self._boot != clock.boot:  # of another machine, or of another start of it
            self._boot, self._ends, self._pieces, self._latest = clock.boot, [], [], -math.inf
        elif self._pieces[-1].offset != clock.offset:
            self._ends.append(self._latest)
        else:
            return
        self._pieces.append(_Piece(clock.offset, self._told))
        if len(self._pieces) > PIECES_KEPT:
            del self._ends[0], self._pieces[0]
            self._pieces[0] = self._pieces[0]._replace(earliest=-math.inf)

    def here(self, monotonic: float) -> float:
        """Seconds since the epoch, by the clock of this process, when the agent's said ``monotonic``."""
        offset, earliest = self._pieces[bisect_left(self._ends, monotonic)]
        told = max(monotonic + offset, earliest)
        if monotonic > self._latest:
            self._latest, self._told = monotonic, told
        return told
