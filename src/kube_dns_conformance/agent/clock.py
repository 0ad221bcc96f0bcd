"""Tells the time of day here for what an agent's clock says: a node's idea of it may be off by any amount."""

from __future__ import annotations

from dataclasses import dataclass

from kube_dns_conformance.agent.batch import Replies

DRIFT = 100e-6
"""How far two clocks may run apart, in seconds for each second; crystals are better than that."""


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
        if self._best is None:
            raise RuntimeError("nothing was learnt about the agent's clock yet")
        return monotonic + self._best.offset
