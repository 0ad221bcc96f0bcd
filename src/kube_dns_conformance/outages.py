"""What a client suffered: when an answer was right, stale, missing, wrong, or did not come, and for how long.

Pure functions of a row of answers, those of one lane in the order of asking, and of what the objects said meanwhile.
Times are seconds since the epoch, durations seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Any

from kube_dns_conformance.dns.compare import Expected, is_right
from kube_dns_conformance.dns.model import Answer, Record


class State(StrEnum):
    """Of one answer, given what the objects said then and before."""

    RIGHT = "right"
    STALE = "stale"
    MISSING = "missing"
    WRONG = "wrong"
    NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Truth:
    """What the objects said of one question: from when on, and what. The first is true from ever."""

    said: tuple[tuple[float, Expected], ...]
    judged: dict[tuple[object, ...], tuple[State, tuple[Record, ...]]] = field(
        default_factory=dict, compare=False, repr=False
    )
    """What answers were worth; it holds their records, so that no other has their identity."""

    def at(self, moment: float) -> int:
        """Which of them was true then."""
        return max(0, bisect_right(self._since, moment) - 1)

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """Everything that any of them speaks of."""
        return frozenset().union(*(expected.mentioned for _, expected in self.said))

    @cached_property
    def _since(self) -> list[float]:
        return [since for since, _ in self.said]


@dataclass(frozen=True)
class Outage:
    """Answers in a row that were no help, all for the same reason; ``end`` is when the first that was otherwise was
    asked, or the last of these."""

    state: State
    cause: str
    start: float
    end: float
    asks: int

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start

    def as_data(self) -> dict[str, Any]:
        """For ``results.jsonl``."""
        times = {"from": round(self.start, 3), "seconds": round(self.seconds, 3), "asks": self.asks}
        return {"state": str(self.state), "cause": self.cause} | times


@dataclass(frozen=True)
class Follow:
    """How a row followed one change of the objects.

    ``appeared`` is after how long it was right for good, from when the objects had changed: what Kubernetes' SLI of DNS
    programming latency measures at the server, measured at the client; None when it never was. ``disappeared`` is after
    how long the last answer came that was stale, 0 when none was. ``flaps`` is how often it was right and then not.
    """

    appeared: float | None
    disappeared: float
    flaps: int


def state(answer: Answer, truth: Truth) -> State:
    """What this answer was worth when it was asked."""
    if not answer.decisive:
        return State.NO_ANSWER
    now = truth.at(answer.sent)
    # Most answers of a row have the very same records as the one before.
    key = now, answer.rcode, answer.truncated, id(answer.records)
    known = truth.judged.get(key)
    if known is None:
        known = truth.judged[key] = _state(answer, truth, now), answer.records
    return known[0]


def _state(answer: Answer, truth: Truth, now: int) -> State:
    # DNS may have learned of a change before whoever noted it here.
    if any(is_right(expected, answer) for _, expected in truth.said[now:]):
        return State.RIGHT
    if any(is_right(expected, answer) for _, expected in truth.said[:now]):
        return State.STALE
    values = answer.records.values
    if values - truth.mentioned:
        return State.WRONG
    return State.STALE if values - truth.said[now][1].mentioned else State.MISSING


def cause(answer: Answer, found: State) -> str:
    """Why an answer was no help, in the words that budgets have: timeout, refused, SERVFAIL, NXDOMAIN, …"""
    if found is not State.NO_ANSWER:
        return "NXDOMAIN" if answer.rcode == "NXDOMAIN" else str(found)
    if answer.problem is None:
        return str(answer.rcode)
    if answer.timed_out:
        return "timeout"
    return "refused" if answer.problem == "connection refused" else "unusable"


class Tally:
    """What was not right in a row, kept up to date with each answer. ``asked`` counts them, ``state`` is the last's.

    ``ended`` are outages, ``goes_on`` is the one that has not ended. ``first`` and ``last`` are when it was asked, in
    epoch seconds. What lies between two questions further apart than ``gap`` (seconds) is not known: an outage
    ends with the first, and ``unknown`` (seconds) is all of that time.
    """

    def __init__(self, gap: float = math.inf) -> None:
        self._gap = gap
        self.asked = 0
        self.state = State.RIGHT
        self.ended: list[Outage] = []
        self.goes_on: Outage | None = None
        self.first = self.last = math.nan
        self.unknown = 0.0

    @property
    def outages(self) -> list[Outage]:
        """Everything that was not right, also what goes on."""
        return self.ended + ([self.goes_on] if self.goes_on else [])

    def add(self, answer: Answer, truth: Truth) -> None:
        """Take the next answer over."""
        if answer.sent - self.last > self._gap:
            self.unknown += answer.sent - self.last
            if self.goes_on:
                self.ended.append(self.goes_on)
            self.goes_on = None
        self.first, self.last = self.first if self.asked else answer.sent, answer.sent
        what, before = state(answer, truth), self.goes_on
        self.asked, self.state = self.asked + 1, what
        why = "" if what is State.RIGHT else cause(answer, what)
        if before and (what, why) == (before.state, before.cause):
            self.goes_on = replace(before, end=answer.sent, asks=before.asks + 1)
            return
        if before:
            self.ended.append(replace(before, end=answer.sent))
        self.goes_on = None if what is State.RIGHT else Outage(what, why, answer.sent, answer.sent, 1)


def outages(row: Sequence[Answer], truth: Truth) -> list[Outage]:
    """Everything in a row that was not right."""
    tally = Tally()
    for one in row:
        tally.add(one, truth)
    return tally.outages


def longest(found: Sequence[Outage]) -> float:
    """How long a row was not right at a stretch, for whatever reasons."""
    return max((end - start for start, end in _stretches(found)), default=0.0)


def total(found: Sequence[Outage]) -> float:
    """How long it was not right, all in all."""
    return sum(one.seconds for one in found)


def follow(row: Sequence[Answer], truth: Truth) -> Follow:
    """How a row followed the last change. Raises ValueError when nothing changed."""
    if len(truth.said) < 2:
        raise ValueError("nothing changed")
    changed, expected = truth.said[-1]
    states = [(one, state(one, truth)) for one in row if one.sent >= changed]
    wrong = [one.sent for one, what in states if what is not State.RIGHT]
    right = [one.sent for one, what in states if what is State.RIGHT and one.sent > max(wrong, default=changed - 1)]
    early = [one.sent for one in row if one.sent < changed and is_right(expected, one)]
    appeared = (0.0 if early and not wrong else right[0] - changed) if right else None
    stale = [one.sent for one, what in states if what is State.STALE]
    return Follow(appeared, max(stale, default=changed) - changed, _flaps(states))


def resolution(row: Sequence[Answer], truth: Truth, gap: float = math.inf) -> float:
    """How exactly it is known when a row became otherwise: the longest time between two questions, one after the other,
    that were answered differently, or alike when it was worth something else. 0 when all of it stayed the same.

    Between two that are further apart than ``gap`` (seconds) nobody asked, and nothing is said to have become otherwise
    then."""
    worth = [(one, state(one, truth)) for one in row]
    return max(
        (
            later.sent - one.sent
            for (one, was), (later, what) in pairwise(worth)
            if later.sent - one.sent <= gap and (was is not what or _differ(one, later))
        ),
        default=0.0,
    )


def _differ(one: Answer, other: Answer) -> bool:
    if (one.rcode, one.problem) != (other.rcode, other.problem):
        return True
    return one.records.values != other.records.values


def _flaps(states: Sequence[tuple[Answer, State]]) -> int:
    """How often something was asked after a right answer had come, and the answer was not right any more.

    Of two questions on their way at the same time the later may have been answered first.
    """
    found, right_by = 0, math.inf
    for one, what in states:
        if what is State.RIGHT:
            right_by = min(right_by, one.came)
        elif one.sent >= right_by:
            found, right_by = found + 1, math.inf
    return found


def measured(row: Sequence[Answer], truth: Truth, gap: float = math.inf) -> dict[str, Any]:
    """All of this of one row, for ``results.jsonl``: seconds, to the millisecond.

    ``unknown`` is all the time between two questions that are further apart than ``gap`` (seconds). What was the same
    before and after is taken to have lasted meanwhile.
    """
    missed = outages(row, truth)
    pauses = [later.sent - one.sent for one, later in pairwise(row)]
    found: dict[str, Any] = {
        "longest": round(longest(missed), 3),
        "total": round(total(missed), 3),
        "resolution": round(resolution(row, truth, gap), 3),
        "unknown": round(sum(pause for pause in pauses if pause > gap), 3),
        "outages": [one.as_data() for one in missed],
    }
    if len(truth.said) > 1:
        followed = follow(row, truth)
        found |= {
            "appeared": None if followed.appeared is None else round(followed.appeared, 3),
            "disappeared": round(followed.disappeared, 3),
            "flaps": followed.flaps,
        }
    return found


def _stretches(found: Sequence[Outage]) -> Iterator[tuple[float, float]]:
    """Start and end of outages that follow each other without a right answer between them."""
    start = end = None
    for one in found:
        if end is not None and one.start == end:
            end = one.end
            continue
        if start is not None and end is not None:
            yield start, end
        start, end = one.start, one.end
    if start is not None and end is not None:
        yield start, end
