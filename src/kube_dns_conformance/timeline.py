"""What was seen over time, judged by pure functions."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from kube_dns_conformance.agent.prober import MOST_SPARED
from kube_dns_conformance.dns.compare import Expected, is_right
from kube_dns_conformance.dns.model import Answer, Question, Transport
from kube_dns_conformance.outages import State, Truth, cause, state
from kube_dns_conformance.text import as_before


@dataclass(frozen=True)
class Lane:
    """One question at one server over one transport, from one place: what is alike in a row of observations.

    What was asked over UDP first stays so when the answer was truncated and came over TCP in the end.
    """

    question: Question
    server: str
    transport: Transport
    vantage: str = ""

    def __str__(self) -> str:
        node = f" from node {self.vantage}" if self.vantage else ""
        return f"{self.question} at {self.server}/{self.transport}{node}"

    @classmethod
    def of(cls, answer: Answer) -> Lane:
        """The lane of an observation."""
        how: Transport = "udp" if answer.after_truncation else answer.transport
        return cls(answer.question, answer.server.name, how, answer.vantage)

    def as_data(self) -> dict[str, Any]:
        """For ``results.jsonl``."""
        return {
            "name": self.question.name,
            "type": self.question.rdtype,
            "server": self.server,
            "transport": self.transport,
        } | ({"vantage": self.vantage} if self.vantage else {})


def lanes(answers: Iterable[Answer]) -> dict[Lane, list[Answer]]:
    """The answers by lane, each in the order of asking."""
    rows: dict[Lane, list[Answer]] = {}
    for one in sorted(
        answers, key=lambda one: (one.question.name, one.server.name, one.transport, one.vantage, one.sent)
    ):
        rows.setdefault(Lane.of(one), []).append(one)
    return {lane: sorted(row, key=lambda one: one.sent) for lane, row in rows.items()}


def deviations(answers: Iterable[Answer], *right: Expected) -> list[Answer]:
    """The answers that are none of ``right``."""
    return [answer for answer in answers if not any(is_right(one, answer) for one in right)]


def settles(answers: Sequence[Answer], expected: Expected) -> float | None:
    """When the answers became right for good (epoch seconds): None when the last one is still wrong."""
    since = None
    for answer in answers:
        if not is_right(expected, answer):
            since = None
        elif since is None:
            since = answer.sent
    return since


class Holding:
    """How long each lane has been right, kept up to date with every answer, so that none is looked at twice."""

    def __init__(self, expected: Mapping[Question, Expected], start: float = 0.0, gap: float = math.inf) -> None:
        """What was sent before ``start`` (epoch seconds) says nothing. Between two questions no more than ``gap``
        (seconds) counts: what was hardly asked, by a busy machine, may have been anything meanwhile."""
        self._expected = expected
        self._start = start
        self._gap = gap
        self._held: dict[Lane, float] = {}
        self._last: dict[Lane, float] = {}

    def add(self, answers: Iterable[Answer]) -> None:
        """Take answers over, those of a lane in the order of asking."""
        for one in answers:
            if one.sent < self._start:
                continue
            lane = Lane.of(one)
            passed = min(one.sent - self._last.get(lane, one.sent), self._gap)
            self._last[lane] = one.sent
            if is_right(self._expected[one.question], one):
                self._held[lane] = self._held[lane] + passed if lane in self._held else 0.0
            else:
                self._held.pop(lane, None)

    def last_asked(self, lane: Lane) -> float:
        """When a lane was asked last (epoch seconds), or 0."""
        return self._last.get(lane, 0.0)

    def lasts(self, lanes: Collection[Lane], seconds: float) -> bool:
        """Whether these lanes, and every other that was asked, have been right for the last ``seconds``."""
        # Until the last answer, not until now: what has not been asked since may have changed since.
        right = {lane for lane, held in self._held.items() if held >= seconds}
        return bool(lanes) and right.issuperset(lanes) and right.issuperset(self._last)


def sightings(answers: Sequence[Answer]) -> dict[str, list[range]]:
    """By address which of the answers hold it, by their numbers in the row."""
    found: dict[str, list[range]] = {}
    since: dict[str, int] = {}
    held = frozenset[str]()
    for number, values in enumerate([*(one.records.values for one in answers), frozenset[str]()]):
        for address in held - values:
            found.setdefault(address, []).append(range(since[address], number))
        since |= dict.fromkeys(values - held, number)
        held = values
    return found


def returns(answers: Sequence[Answer], holding: Sequence[range]) -> list[Answer]:
    """The answers of one lane that hold an address though they were asked for when an answer without it had come.

    ``holding`` says which hold it, see `sightings`. Of two questions that were on their way at the same time the later
    may well have been answered first.
    """
    if len(holding) < 2:
        return []  # nothing is between
    held = set(chain.from_iterable(holding))
    seen_by = gone_by = math.inf
    back = []
    for number in range(holding[0].start, holding[-1].stop):
        answer = answers[number]
        if not answer.decisive:
            continue  # silence and SERVFAIL say nothing about the address
        if number not in held:
            if answer.sent >= seen_by:
                gone_by = min(gone_by, answer.came)
        else:
            seen_by = min(seen_by, answer.came)
            if answer.sent >= gone_by:
                back.append(answer)
    return back


def gap_of(slot: float) -> float:
    """Between two questions further apart than this (seconds) nobody asked: nothing is known of the time between.

    Who spares a slow server asks it in one of `MOST_SPARED` slots, and knows as much.
    """
    return max((MOST_SPARED + 2) * slot, 0.5)


class Runs:
    """Makes one line of equal answers in a row of one lane, for reports.

    It has the times of the first and the last question, since when answers came and until when, and against the truth
    its `State` and, unless it was right, the cause. Between two questions further apart than ``gap`` (seconds) a line
    ends.
    """

    def __init__(self, gap: float = math.inf) -> None:
        self._going_on: dict[Lane, dict[str, Any]] = {}
        self._last: dict[Lane, Answer] = {}
        self._gap = gap

    def add(self, answer: Answer, truth: Truth | None = None) -> dict[str, Any] | None:
        """Take over the next answer of its lane; returns the line that it has ended."""
        lane, sent, came = Lane.of(answer), round(answer.sent, 3), round(answer.came, 3)
        before, line = self._last.get(lane), self._going_on.get(lane)
        self._last[lane] = answer
        worth = _worth(answer, truth) if truth else {}
        goes_on = before is not None and _alike(before) == _alike(answer)
        if line is not None and goes_on and _worth_of(line) == worth and sent - line["to"] <= self._gap:
            line["since"], line["came"] = min(line["since"], came), max(line["came"], came)
            line |= {"to": sent, "asks": line["asks"] + 1}
            return None
        times = {"from": sent, "to": sent, "since": came, "came": came, "asks": 1}
        self._going_on[lane] = lane.as_data() | times | {"said": _told(answer, before)} | worth
        return line

    def rest(self) -> list[dict[str, Any]]:
        """The lines that have not ended. They end here."""
        found = list(self._going_on.values())
        self._going_on = {}
        return found


def as_data(answers: Iterable[Answer], truth: Truth | None = None) -> list[dict[str, Any]]:
    """All lines of a timeline, in the order of their beginning."""
    runs = Runs()
    ended = [line for row in lanes(answers).values() for one in row if (line := runs.add(one, truth))]
    return sorted(ended + runs.rest(), key=lambda one: (one["from"], one["name"], one["server"]))


def _worth(answer: Answer, truth: Truth) -> dict[str, str]:
    found = state(answer, truth)
    return {"state": str(found)} | ({"cause": cause(answer, found)} if found is not State.RIGHT else {})


def _worth_of(line: Mapping[str, Any]) -> dict[str, str]:
    return {what: line[what] for what in ("state", "cause") if what in line}


def _alike(answer: Answer) -> tuple[object, ...]:
    """The same for answers that say the same."""
    return answer.problem, answer.rcode, answer.records.rdata


def _told(answer: Answer, before: Answer | None) -> str:
    """What it says; ``before`` is what the one before it said."""
    if answer.problem is not None:
        return answer.problem
    told = before.records.rdata if before else ()
    return f"{answer.rcode} {as_before(answer.records.rdata, told) or ' '.join(answer.records.rdata)}".rstrip()
