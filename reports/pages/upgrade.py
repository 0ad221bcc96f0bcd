"""An upgrade as one HTML page: what is worse, what the nodes saw while it went on, before and after side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.reports.pages.environment import page
from kube_dns_conformance.reports.pages.side_by_side import Fact, facts_of
from kube_dns_conformance.reports.picture import picture
from kube_dns_conformance.requirements import Requirement, catalogue
from kube_dns_conformance.results import Results
from kube_dns_conformance.upgrade.seen import Path, Track
from kube_dns_conformance.upgrade.snapshot import Snapshot
from kube_dns_conformance.upgrade.upgraded import Upgraded

PATHS_SHOWN = 30
"""Of the paths that suffered most; all are in ``watch.jsonl``."""


class Changed(NamedTuple):
    """A requirement that is not judged as before."""

    about: Requirement
    before: str
    after: str
    message: str


class Suffered(NamedTuple):
    """What one path went through: seconds by cause, those that followed a change left out."""

    path: Path
    track: Track
    causes: dict[str, float]


def html(outcome: Mapping[str, Any], upgraded: Upgraded, before: Results, after: Results) -> str:
    """The whole page."""
    seen = upgraded.seen
    suffered = _suffered(seen.tracks)
    return page(
        "upgrade.html",
        outcome=outcome,
        changed=_changed(before, after),
        facts=[*_facts(upgraded.before, upgraded.after), *facts_of([before, after])],
        drawn=_drawn(upgraded, [one.path for one in suffered]),
        suffered=suffered[:PATHS_SHOWN],
        more=max(0, len(suffered) - PATHS_SHOWN),
        paths=len(seen.tracks),
        marks=seen.marks,
        began=float(seen.head.get("began", 0.0)),
        command_ended=(seen.end or {}).get("commanded"),
        ended=(seen.end or {}).get("at"),
        budget=upgraded.budget,
    )


def _changed(before: Results, after: Results) -> list[Changed]:
    was, now = coverage.states(before), coverage.states(after)
    messages = {one.requirement: one.message for one in after.results if one.message}
    return [
        Changed(about, was[name], now[name], messages.get(name, ""))
        for name, about in catalogue().items()
        if was[name] != now[name] and (about.profile != "upgrade" or now[name] != "conformant")
    ]


def _facts(before: Snapshot, after: Snapshot) -> list[Fact]:
    def told(of: Snapshot) -> dict[str, str]:
        return {
            "addresses that Pods are told to ask": " ".join(of.addresses),
            "DNS replicas": " ".join(of.replicas),
            "serves": ", ".join(of.features),
            "records that are wrong": f"{len(of.wrong)} of {len(of.records)}",
            "that a name does not exist may be kept for": "" if of.denied_for is None else f"{of.denied_for} s",
        } | {f"configuration {name}": text for name, text in of.configuration.items()}

    was, now = told(before), told(after)
    return [Fact(what, [was.get(what, ""), now.get(what, "")]) for what in {**was, **now}]


def _suffered(tracks: Mapping[Path, Track]) -> list[Suffered]:
    """Those that were not always answered rightly, the worst first."""
    found = []
    for path, track in tracks.items():
        causes = {one.cause: track.total(one.cause) for one in track.spells if not one.lag}
        if causes:
            found.append(Suffered(path, track, causes))
    return sorted(found, key=lambda one: -one.track.longest()[0])


def _drawn(upgraded: Upgraded, first: list[Path]) -> Markup:
    """The lanes that suffered most, then the others: a picture holds only so many."""
    if not upgraded.seen.rows:
        return Markup()
    change = upgraded.watched().as_data()
    order = {path: number for number, path in enumerate(first)}
    chosen = sorted(upgraded.seen.tracks, key=lambda path: order.get(path, len(order)))[:PATHS_SHOWN]
    kept = set(chosen)
    rows = [
        one
        for one in change["timeline"]
        if Path(one["name"], one["type"], one["server"], one["transport"], one.get("vantage", "")) in kept
    ]
    # Made by ElementTree, which escapes what is in it.
    return Markup(picture(change | {"timeline": rows}) or "")  # noqa: S704
