"""Several runs on one HTML page, a column each: two to see what has changed, many to compare implementations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.reports.compared import Comparison
from kube_dns_conformance.reports.facts import Fact, facts_of
from kube_dns_conformance.reports.measures import TIMES, measures
from kube_dns_conformance.reports.pages.environment import page
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Results
from kube_dns_conformance.text import in_order

CHANGES = {
    "broken": "Newly nonconformant",
    "lost": "Conformant before, not judged now",
    "unclear": "Nonconformant before, not judged now",
    "mended": "Newly conformant",
    "regained": "Judged again, and conformant",
    "rest": "In only one of the runs, or judged in neither",
}
STRANGERS = "not in the catalogue of this version"


class Row(NamedTuple):
    """A requirement with what each run says of it."""

    id: str
    sentence: str
    section: str
    states: list[str]

    @property
    def differs(self) -> bool:
        """Whether the runs do not say the same."""
        return len(set(self.states)) > 1


def html(runs: Sequence[Results], names: Sequence[str]) -> str:
    """The whole page; the first run is on the left. ``names`` are the headings of their columns."""
    rows = _rows(runs)
    differing = [one for one in rows if one.differs]
    compared = Comparison(*runs) if len(runs) == 2 else None
    sections: dict[str, list[Row]] = {}
    for one in rows:
        sections.setdefault(one.section, []).append(one)
    return page(
        "side_by_side.html",
        names=list(names),
        facts=[one for one in facts_of(runs) if any(one.texts)],
        compared=compared,
        differing=differing,
        changes=_changes(differing, compared) if compared else {"": differing},
        sections={section: sections[section] for section in in_order(sections)},
        measured=_measured(runs),
    )


def _rows(runs: Sequence[Results]) -> list[Row]:
    """The whole catalogue, and what runs of other versions have judged beyond it."""
    states = [coverage.states(one) | one.by_requirement() for one in runs]
    rows = []
    for name in dict.fromkeys(name for one in states for name in one):
        about = catalogue().get(name)
        told = (about.sentence, about.section) if about else ("", STRANGERS)
        rows.append(Row(name, *told, [str(one.get(name, coverage.NOT_SELECTED)) for one in states]))
    return rows


def _changes(differing: Sequence[Row], comparison: Comparison) -> dict[str, list[Row]]:
    """By what it means that two runs differ."""
    kinds = {name: what for what in CHANGES if what != "rest" for name in getattr(comparison.compared, what)}
    found: dict[str, list[Row]] = {title: [] for title in CHANGES.values()}
    for row in differing:
        found[CHANGES[kinds.get(row.id, "rest")]].append(row)
    return {title: rows for title, rows in found.items() if rows}


def _measured(runs: Sequence[Results]) -> list[Fact]:
    """The worst times of what was watched while it changed, where more than one run has them."""
    of_each = [{(one.requirement, one.what): one.worst for one in measures(run)} for run in runs]
    known = dict.fromkeys(key for one in of_each for key in one if sum(key in other for other in of_each) > 1)
    return [
        Fact(f"{name}: {TIMES[what]}", [_seconds(one.get((name, what))) for one in of_each]) for name, what in known
    ]


def _seconds(found: float | None) -> str:
    return "" if found is None else f"{found:.2f} s"
