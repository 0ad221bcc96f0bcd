"""What a watch has shown: outages by lane, and whether the budget for them was kept."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kube_dns_conformance.dns.model import Answer
from kube_dns_conformance.errors import ExitCode
from kube_dns_conformance.outages import Outage, State, Tally, Truth, longest, total
from kube_dns_conformance.timeline import Lane


@dataclass(frozen=True)
class Budget:
    """How long no lane may be without a right answer (seconds). An answer that was never right is not in any budget.

    Without a ``limit`` it is what DNS is granted to follow a change: ``propagation`` and the longest TTL announced.
    """

    propagation: float
    limit: float | None = None

    def seconds(self, announced: float) -> float:
        """The budget, given the longest TTL that was announced."""
        return self.propagation + announced if self.limit is None else self.limit


@dataclass
class Seen:
    """Everything that was seen, by lane; for ``gap`` see `Tally`. ``blind`` are lanes that hardly were."""

    budget: Budget
    gap: float = math.inf
    tallies: dict[Lane, Tally] = field(default_factory=dict)
    announced: float = 0.0
    blind: list[str] = field(default_factory=list)

    def add(self, answer: Answer, truth: Truth) -> tuple[Outage | None, Outage | None]:
        """Take over the next answer; the outage of its lane that it has ended, and the one that has begun."""
        tally = self.tallies.setdefault(Lane.of(answer), Tally(self.gap))
        before, number = tally.goes_on, len(tally.ended)
        tally.add(answer, truth)
        is_new = tally.goes_on is not None and (before is None or tally.goes_on.start != before.start)
        ttls = [record.ttl for record in answer.records]
        self.announced = max([self.announced, *map(float, ttls), float(answer.negative_ttl or 0)])
        ended = tally.ended[number] if len(tally.ended) > number else None
        return ended, tally.goes_on if is_new else None

    def look_back(self, lanes: Iterable[Lane], began: float, end: float) -> None:
        """Those of these are blind that were watched for less than half of the time, given in epoch seconds."""
        for lane in lanes:
            tally = self.tallies.get(lane)
            known = 0.0 if tally is None else tally.last - tally.first - tally.unknown
            if tally is None or max(0.0, end - began) > 2 * known + self.gap:
                self.blind.append(str(lane))

    def by_server(self) -> dict[tuple[str, str], dict[Lane, Tally]]:
        """The lanes of each server and transport."""
        found: dict[tuple[str, str], dict[Lane, Tally]] = {}
        for lane, tally in self.tallies.items():
            found.setdefault((lane.server, lane.transport), {})[lane] = tally
        return found

    def outages(self) -> list[tuple[Lane, Outage]]:
        """All of them, the longest first."""
        found = [(lane, one) for lane, tally in self.tallies.items() for one in tally.outages]
        return sorted(found, key=lambda one: -one[1].seconds)

    def longest(self) -> float:
        """How long a lane was without a right answer at a stretch (seconds)."""
        return max((longest(tally.outages) for tally in self.tallies.values()), default=0.0)

    def asked(self) -> int:
        """How many answers there were, and silences."""
        return sum(tally.asked for tally in self.tallies.values())

    def problems(self) -> list[str]:
        """What is not as it has to be, a line each."""
        allowed, found = self.budget.seconds(self.announced), []
        for lane, tally in self.tallies.items():
            if wrong := sum(one.asks for one in tally.outages if one.state is State.WRONG):
                found.append(f"{lane} gave what was never right in {wrong} of {tally.asked} answers")
            if (worst := longest(tally.outages)) > allowed:
                found.append(f"{lane} was not right for {worst:.2f} s, and {allowed:g} s are allowed")
        return found

    def outcome(self) -> str:
        """``conformant``, ``nonconformant``, or ``unknown`` where somebody is blind."""
        return "nonconformant" if self.problems() else "unknown" if self.blind else "conformant"

    def exit_code(self) -> ExitCode:
        """Of the command."""
        codes = {"nonconformant": ExitCode.NONCONFORMANT, "unknown": ExitCode.COULD_NOT_JUDGE}
        return codes.get(self.outcome(), ExitCode.CONFORMANT)

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "outcome": self.outcome(),
            "problems": self.problems(),
            "blind": self.blind,
            "asked": self.asked(),
            "longest": round(self.longest(), 3),
            "allowed": self.budget.seconds(self.announced),
            "lanes": [lane.as_data() | lane_data(tally) for lane, tally in self.tallies.items()],
        }


def lane_data(tally: Tally) -> dict[str, Any]:
    """One lane for JSON."""
    found = tally.outages
    return {
        "asked": tally.asked,
        "longest": round(longest(found), 3),
        "total": round(total(found), 3),
        "outages": [one.as_data() for one in found],
    }


def causes(outages: Iterable[Outage]) -> str:
    """Why answers were no help, and how many: "NXDOMAIN 3, timeout 1"."""
    counts: Counter[str] = Counter()
    for one in outages:
        counts[one.cause] += one.asks
    return ", ".join(f"{why} {count}" for why, count in counts.most_common())


def not_right(tallies: Sequence[Tally]) -> int:
    """How many of them were not right when they were asked last."""
    return sum(tally.state is not State.RIGHT for tally in tallies)
