"""Several runs on one HTML page, a column each: two to see what has changed, many to compare implementations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.reports.measures import TIMES, measures
from kube_dns_conformance.reports.pages.environment import page
from kube_dns_conformance.requirements import Requirement, catalogue
from kube_dns_conformance.results import Results
from kube_dns_conformance.text import in_order


class Row(NamedTuple):
    """A requirement with what each run says of it."""

    about: Requirement
    states: list[str]

    @property
    def differs(self) -> bool:
        """Whether the runs do not say the same."""
        return len(set(self.states)) > 1


class Fact(NamedTuple):
    """What each run was of, in words."""

    what: str
    texts: list[str]

    @property
    def differs(self) -> bool:
        """Whether it was not the same in all runs."""
        return len(set(self.texts)) > 1


def html(runs: Sequence[Results]) -> str:
    """The whole page; the first run is on the left."""
    rows = _rows(runs)
    sections: dict[str, list[Row]] = {}
    for one in rows:
        sections.setdefault(one.about.section, []).append(one)
    return page(
        "side_by_side.html",
        facts=facts_of(runs),
        differing=[one for one in rows if one.differs],
        sections={section: sections[section] for section in in_order(sections)},
        measured=_measured(runs),
        number=len(runs),
    )


def _rows(runs: Sequence[Results]) -> list[Row]:
    states = [coverage.states(one) for one in runs]
    return [Row(about, [one[name] for one in states]) for name, about in catalogue().items()]


def facts_of(runs: Sequence[Results]) -> list[Fact]:
    """What each run was of."""
    of_each = [_told(one) for one in runs]
    return [Fact(what, [one.get(what, "not known") for one in of_each]) for what in of_each[0]]


def _told(results: Results) -> dict[str, str]:
    cluster: dict[str, Any] = results.run.get("cluster") or {}
    software = coverage.implementation(cluster)
    servers = (f"{one['host']}:{one['port']}" for one in cluster.get("dns", []))
    return {
        "outcome": results.outcome(),
        "verdicts": results.counts(),
        "DNS implementation": ", ".join(f"{one['name']} {one['version']}" for one in software),
        "DNS servers": ", ".join(servers),
        "Kubernetes": cluster.get("kubernetes", "not known"),
        "zone": cluster.get("zone", "not known"),
        "capabilities": ", ".join(cluster.get("capabilities", [])),
        "time limits": ", ".join(f"{name} {value:g}" for name, value in results.run.get("timings", {}).items()),
        "kube-dns-conformance": results.run.get("version", "not known"),
        "run": results.run.get("run", "not known"),
    }


def _measured(runs: Sequence[Results]) -> list[Fact]:
    """The worst times of what was watched while it changed, where more than one run has them."""
    of_each = [{(one.requirement, one.what): one.worst for one in measures(run)} for run in runs]
    known = dict.fromkeys(key for one in of_each for key in one if sum(key in other for other in of_each) > 1)
    return [
        Fact(f"{name}: {TIMES[what]}", [_seconds(one.get((name, what))) for one in of_each]) for name, what in known
    ]


def _seconds(found: float | None) -> str:
    return "" if found is None else f"{found:.2f} s"
