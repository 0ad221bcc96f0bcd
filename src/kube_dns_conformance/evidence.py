"""What was asked, expected and got for one test, as the reports tell it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kube_dns_conformance import outages, timeline
from kube_dns_conformance.dns.compare import Expected
from kube_dns_conformance.dns.model import Answer
from kube_dns_conformance.events import Event
from kube_dns_conformance.outages import Truth
from kube_dns_conformance.text import as_before
from kube_dns_conformance.timeline import Lane

Row = dict[str, Any]


@dataclass
class Watched:
    """One change that was watched: ``about`` is when the objects changed and who watched, see `Change.as_data`.

    ``rules`` are what was required of it, ``truth`` is what was expected from when on, ``timeline`` what was seen,
    ``windows`` how long what was how.
    """

    began: float
    about: Row
    rules: list[str] = field(default_factory=list)
    truth: list[Row] = field(default_factory=list)
    timeline: list[Row] = field(default_factory=list)
    windows: list[Row] = field(default_factory=list)
    lanes: set[Lane] = field(default_factory=set)

    def add(self, lane: Lane, row: Sequence[Answer], truth: Truth, gap: float = math.inf) -> None:
        """Record what was seen of one question at one server, against what was true of it. Between two questions
        further apart than ``gap`` (seconds) nobody asked."""
        if lane.question not in {one.question for one in self.lanes}:
            asked = {"name": lane.question.name, "type": lane.question.rdtype}
            before = [None, *(must for _, must in truth.said)]
            self.truth += [
                asked | {"since": round(since, 3), "expected": _told(must, known)}
                for (since, must), known in zip(truth.said, before, strict=False)
            ]
        self.lanes.add(lane)
        self.timeline += timeline.as_data(row, truth)
        self.windows.append(lane.as_data() | outages.measured(row, truth, gap))

    def require(self, rule: str) -> None:
        """Record what is required of it."""
        self.rules += [] if rule in self.rules else [rule]

    def as_data(self) -> Row:
        """For ``results.jsonl``."""
        return (
            self.about
            | {"rules": self.rules}
            | {"truth": self.truth, "windows": self.windows, "timeline": self.timeline}
        )


@dataclass
class Evidence:
    """``checks`` are answers beside what was expected, ``before`` what was seen before something was changed.

    ``changes`` are those that were watched, ``events`` what happened beside them, ``information`` lines about what
    servers do differently. ``wrong`` is from when to when it was seen (epoch seconds), if anything was.
    """

    checks: list[Row] = field(default_factory=list)
    before: list[Row] = field(default_factory=list)
    changes: list[Watched] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    information: list[str] = field(default_factory=list)
    wrong: tuple[float, float] | None = None

    def add(self, answer: Answer, expected: Expected, differs: str = "") -> None:
        """Record one answer beside what was expected."""
        # What is claimed may be about anything in an answer, not its records alone.
        claim = {"claim": True} if expected.kind == "that" else {}
        self.checks.append({"expected": str(expected), "differs": differs, **claim, **answer.as_data()})

    def found(self, how: str, expected: Mapping[str, str], seen: Mapping[str, str]) -> None:
        """Record what a look at something else than a DNS answer found, in place of earlier looks."""
        self.checks = [
            {"name": what, "how": how, "expected": must, "said": seen[what], "sent": round(time.time(), 4)}
            for what, must in expected.items()
        ]

    def of_change(self, began: float, about: Callable[[], Row]) -> Watched:
        """Where to record what was seen of the change that began then (epoch seconds)."""
        known = next((one for one in self.changes if one.began == began), None)
        if known is None:
            known = Watched(began, about())
            self.changes.append(known)
        return known

    def as_data(self) -> dict[str, Any]:
        """For ``results.jsonl``."""
        changes = [one.as_data() for one in self.changes]
        told = [event for change in changes for event in change["events"]]
        events = [data for one in self.events if (data := one.as_data()) not in told]
        more = {"before": self.before, "events": events, "changes": changes, "information": self.information}
        more |= {"wrong": [round(moment, 3) for moment in self.wrong or ()]}
        return {"checks": self.checks} | {name: content for name, content in more.items() if content}


def _told(must: Expected, known: Expected | None) -> str:
    """What must be answered. Of many records, of which few changed, only those: else each told a thousand times."""
    if known is None or (must.kind, must.choices) != (known.kind, known.choices):
        return str(must)
    return as_before(must.values, known.values) or str(must)
