"""One run as one HTML page: the verdict, what failed first and why, what was not judged and why, and all evidence."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from markupsafe import Markup

from kube_dns_conformance.reports import blame, coverage, wording
from kube_dns_conformance.reports.measures import TIMES, measures
from kube_dns_conformance.reports.pages.environment import page
from kube_dns_conformance.reports.picture import asked_of, happened, picture
from kube_dns_conformance.requirements import Requirement, catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import in_order

ROWS_SHOWN = 200
"""Of each table: what is beyond is in ``results.jsonl``."""
SLOWEST = 15


class Entry(NamedTuple):
    """A requirement with what the run says of it."""

    about: Requirement
    state: str
    results: list[Result]


class Why(NamedTuple):
    """A reason, and who was not judged for it."""

    state: str
    text: str
    requirements: list[str]


def html(results: Results) -> str:
    """The whole page."""
    entries = _entries(results)
    return page(
        "run.html",
        run=results.run,
        results=results,
        outcome=results.outcome(),
        software=coverage.implementation(results.run["cluster"]) if results.run.get("cluster") else [],
        sections=_sections(entries),
        counts=Counter(one.state for one in entries),
        state_of={one.about.id: one.state for one in entries},
        failures=_failures(results),
        in_common=blame.in_common(_failures(results)),
        unjudged=_unjudged(results),
        information=coverage.information(results),
        profiles=coverage.profiles(results),
        of_profile=coverage.outcome,
        measured=measures(results),
        slowest=sorted(results.results, key=lambda one: -one.seconds)[:SLOWEST],
        most=max((one.seconds for one in results.results), default=0.0),
        rows_shown=ROWS_SHOWN,
        asked=wording.asked,
        asked_of=asked_of,
        drawn=_drawn,
        got=wording.got,
        happened=happened,
        times=TIMES,
    )


def _entries(results: Results) -> list[Entry]:
    of: dict[str, list[Result]] = {}
    for one in results.results:
        of.setdefault(one.requirement, []).append(one)
    return [Entry(catalogue()[name], state, of.get(name, [])) for name, state in coverage.states(results).items()]


def _sections(entries: list[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for one in entries:
        found.setdefault(one.about.section, []).append(one)
    return {section: found[section] for section in in_order(found)}


def _failures(results: Results) -> list[Result]:
    """What failed, in the order of time: the first is often why the others did."""
    failed = [one for one in results.results if one.verdict is Verdict.NONCONFORMANT]
    return sorted(failed, key=lambda one: one.started + one.seconds)


def _unjudged(results: Results) -> list[Why]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for verdict in (Verdict.UNKNOWN, Verdict.NOT_RUN, Verdict.UNSUPPORTED, Verdict.SKIPPED):
        for one in coverage.deciding(results, verdict):
            why = wording.explained(wording.reason(one))
            reasons.setdefault((str(verdict), why), []).append(one.requirement)
    return [Why(state, why, names) for (state, why), names in reasons.items()]


def _drawn(change: dict[str, Any]) -> Markup:
    # Made by ElementTree, which escapes what is in it.
    return Markup(picture(change) or "")  # noqa: S704
