"""When rounds of asking are enough for a verdict: right for good, or wrong without an excuse."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence

from kube_dns_conformance.clock import now
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.text import clock
from kube_dns_conformance.timings import Timings


class Rounds:
    """Counts rounds. ``settled_at`` (epoch seconds) is when the objects last changed."""

    def __init__(self, timings: Timings, settled_at: float) -> None:
        self._timings = timings
        self._patience = time.monotonic() + timings.settle
        self._start(settled_at)

    def _start(self, settled_at: float) -> None:
        self._settled_at = settled_at
        self._since = time.monotonic()
        self._asked = self._wrong = self._alike = self._right = self._late = 0
        self._granted = self._alike_from = self._wrong_from = self._asked_at = 0.0
        self._last: Sequence[Hashable] = ()

    def begin_anew(self) -> None:
        """The objects changed: DNS is granted its time again. Raises ClusterError when they do not stop changing."""
        if time.monotonic() > self._patience:
            raise ClusterError(f"the objects kept changing for {self._timings.settle:g} s")
        self._start(now())

    def add(self, wrong: Sequence[Hashable], announced: float, asked_at: float) -> None:
        """One round: what was wrong in it, the longest TTL that it was given with (seconds), and when it began (epoch).

        What was asked in time counts as in time, however long the answers took to come and to be read.
        """
        self._asked += 1
        self._asked_at = asked_at
        if self._asked == 1 or wrong != self._last:
            self._since, self._alike, self._last, self._alike_from = time.monotonic(), 0, wrong, asked_at
        self._alike += 1
        if not wrong:
            self._right += 1
            return
        self._right = 0
        self._wrong_from = self._wrong_from or asked_at
        self._wrong += 1
        # A cache counts down what it announces; a huge TTL buys no more than the limit.
        self._granted = max(self._granted, min(announced, self._timings.cache))
        if asked_at > self._settled_at + self._timings.propagation + self._granted:
            self._late += 1

    @property
    def troubled(self) -> bool:
        """Whether anything was wrong so far."""
        return self._wrong > 0

    @property
    def right_for_good(self) -> bool:
        """Whether enough rounds were right; once anything was wrong, what is right then has to stay so for a while."""
        lasted = not self.troubled or time.monotonic() - self._since >= self._timings.hold
        return self._right >= self._timings.stable and lasted

    @property
    def without_excuse(self) -> bool:
        """Whether enough rounds were wrong after the propagation budget and what caches were granted."""
        return self._late >= self._timings.stable

    @property
    def wrong(self) -> tuple[float, float]:
        """From when to when it was as wrong as in the last round, or wrong at all where that took turns."""
        return self._alike_from if self._is_steady else self._wrong_from, self._asked_at

    @property
    def _is_steady(self) -> bool:
        return self._alike == self._asked or self._alike >= self._timings.stable

    def when_wrong(self) -> str:
        """The same in words, with in how many rounds, and how much time DNS had had by then."""
        (since, until), rounds = self.wrong, f"in the last {self._alike} of {self._asked} rounds"
        if self._alike == self._asked:
            rounds = f"in each of {self._asked} rounds"
        elif not self._is_steady:
            rounds = f"in {self._wrong} of {self._asked} rounds"
        age = until - self._settled_at
        return f"{clock(since)} to {clock(until)}, {rounds}, the last {age:.0f} s after the objects settled"
