"""An upgrade as one HTML page: what is worse, what the nodes saw while it went on, before and after side by side."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from typing import Any, NamedTuple

from markupsafe import Markup

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.reports.facts import Fact, facts_of
from kube_dns_conformance.reports.pages.environment import page
from kube_dns_conformance.reports.picture import picture
from kube_dns_conformance.requirements import Requirement, catalogue
from kube_dns_conformance.results import Results
from kube_dns_conformance.upgrade.seen import COMMAND, Path, Seen, Track
from kube_dns_conformance.upgrade.snapshot import Snapshot
from kube_dns_conformance.upgrade.upgraded import Upgraded
from kube_dns_conformance.upgrade.wording import happened

MARKS_SHOWN = 60
PATHS_SHOWN = 30
"""Of those that suffered most; all is in ``watch.jsonl``, as are all marks."""


class Changed(NamedTuple):
    """A requirement that is not judged as before."""

    about: Requirement
    before: str
    after: str
    message: str


class Suffered(NamedTuple):
    """What all names went through at one server over one transport from one node: of the one that suffered most.

    ``causes`` are seconds, those that followed a change left out; ``unknown`` is for how long nobody asked (seconds).
    """

    server: str
    node: str
    names: int
    longest: float
    causes: dict[str, float]
    unknown: float


def html(outcome: Mapping[str, Any], upgraded: Upgraded, before: Results, after: Results) -> str:
    """The whole page."""
    seen = upgraded.seen
    suffered = _suffered(seen.tracks)
    return page(
        "upgrade.html",
        outcome=outcome,
        changed=_changed(before, after),
        failures=[one for one in after.results if one.requirement in outcome["broken"] and one.detail],
        facts=sorted(
            [*_facts(upgraded.before, upgraded.after), *facts_of([before, after])], key=lambda one: not one.differs
        ),
        nodes=any(one.node for one in suffered),
        happened=happened,
        drawn=_drawn(upgraded),
        suffered=suffered[:PATHS_SHOWN],
        more=max(0, len(suffered) - PATHS_SHOWN),
        paths=len(seen.tracks),
        clients=len(seen.clients()),
        worst=seen.worst(),
        marks=seen.marks,
        marks_shown=MARKS_SHOWN,
        began=float(seen.head.get("began", 0.0)),
        command_took=_command_took(seen),
        ended=(seen.end or {}).get("at"),
        budget=upgraded.budget,
    )


def _command_took(seen: Seen) -> float | None:
    """In seconds; None when there was no command, or nobody saw its end."""
    began = [one["at"] for one in seen.marks if one["of"] == COMMAND][:1]
    return float(seen.end["commanded"] - began[0]) if began and seen.end else None


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
    found = [Fact(what, [was.get(what, ""), now.get(what, "")]) for what in {**was, **now}]
    return [Fact(one.what, _lines_that_differ(*one.texts)) if "\n" in one.texts[0] else one for one in found]


def _lines_that_differ(before: str, after: str) -> list[str]:
    """Of long texts what is otherwise; nothing where they are the same."""
    found = list(unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    return ["\n".join(one for one in found if one.startswith(sign)) for sign in "-+"]


def _suffered(tracks: Mapping[Path, Track]) -> list[Suffered]:
    """Those that were not always answered rightly, the worst first."""
    groups: dict[tuple[str, str], list[Track]] = {}
    for path, track in tracks.items():
        groups.setdefault((f"{path.server}/{path.transport}", path.node), []).append(track)
    found = [_worst(*where, some) for where, some in groups.items()]
    return sorted((one for one in found if one.causes), key=lambda one: (-one.longest, one.server, one.node))


def _worst(server: str, node: str, tracks: list[Track]) -> Suffered:
    causes = dict.fromkeys(one.cause for track in tracks for one in track.spells if not one.lag)
    return Suffered(
        server,
        node,
        len(tracks),
        max(track.longest()[0] for track in tracks),
        {cause: max(track.total(cause) for track in tracks) for cause in causes},
        max(track.unknown for track in tracks),
    )


def _drawn(upgraded: Upgraded) -> Markup:
    """The lanes that suffered most: a picture holds only so many."""
    if not upgraded.seen.rows:
        return Markup()
    rows = [row for path in upgraded.worst_first()[:PATHS_SHOWN] for row in upgraded.seen.rows[path]]
    # Made by ElementTree, which escapes what is in it.
    return Markup(picture(upgraded.watched().as_data() | {"timeline": rows}) or "")  # noqa: S704
