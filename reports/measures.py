"""How long changes took, over all repetitions of what changed: what `outages.measured` says, summed up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from kube_dns_conformance.results import Result, Results

TIMES = {
    "appeared": "right for good after",
    "disappeared": "last stale after",
    "longest": "longest not right",
    "resolution": "known to within",
}
"""What is measured of each name at each server, in seconds, and how it is called.

The last is of the others: how far apart the two questions were between which something changed.
"""


@dataclass(frozen=True)
class Measure:
    """One time of one requirement: of each repetition the worst of all names and servers, and of these the statistics.

    ``never`` is in how many repetitions it did not come to its end.
    """

    requirement: str
    what: str
    repetitions: int
    median: float
    worst: float
    never: int


def measures(results: Results) -> list[Measure]:
    """Of every requirement that watched a change, in the order of the results."""
    watched: dict[str, list[Result]] = {}
    for result in results.results:
        if _windows(result):
            watched.setdefault(result.requirement, []).append(result)
    return [one for name, some in watched.items() for one in _of(name, some)]


def _windows(result: Result) -> list[dict[str, Any]]:
    return [one for change in result.evidence.get("changes", []) for one in change["windows"]]


def _of(requirement: str, repetitions: list[Result]) -> Iterator[Measure]:
    for what in TIMES:
        of_each = [
            [one[what] for one in _windows(result) if what in one]  # nothing appears where nothing changed
            for result in repetitions
        ]
        seen = [some for some in of_each if some]
        ended = [max(some) for some in seen if None not in some]
        if ended:
            yield Measure(requirement, what, len(seen), median(ended), max(ended), len(seen) - len(ended))
