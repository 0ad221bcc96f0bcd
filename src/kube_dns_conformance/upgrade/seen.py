"""What was seen while an upgrade went on, read from the guard's lines: pure functions of them.

Times are seconds since the epoch, durations seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kube_dns_conformance.outages import State
from kube_dns_conformance.timeline import gap_of

Row = dict[str, Any]
COMMAND, DNS_REPLICA = "command", "DNS replica"
"""What a mark may be of, among other things."""
LEARNED_SECONDS = 1.0
"""DNS may have heard of a change before whoever noted it."""


class Path(NamedTuple):
    """One question at one server over one transport, from one node."""

    name: str
    rdtype: str
    server: str
    transport: str
    node: str

    def __str__(self) -> str:
        where = f" from node {self.node}" if self.node else ""
        return f"{self.name} {self.rdtype} at {self.server}/{self.transport}{where}"


@dataclass(frozen=True)
class Spell:
    """Answers in a row that were no help, all for one cause. ``lag``: DNS had only just been given something new."""

    cause: str
    start: float
    end: float
    said: str
    lag: bool = False

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start


def _seconds(stretch: Sequence[Spell]) -> float:
    return stretch[-1].end - stretch[0].start if stretch else 0.0


@dataclass
class Track:
    """What was seen of one path: ``asks`` how often it was asked, ``unknown`` how long nobody asked (seconds)."""

    start: float
    end: float
    asks: int = 0
    unknown: float = 0.0
    spells: list[Spell] = field(default_factory=list)

    def total(self, cause: str) -> float:
        """How long it was not right for this cause, all in all."""
        return sum(one.seconds for one in self.spells if one.cause == cause and not one.lag)

    def stretches(self) -> list[list[Spell]]:
        """What was not right without a break, and not for having something new to follow."""
        found: list[list[Spell]] = []
        for one in self.spells:
            if one.lag:
                continue
            if found and one.start == found[-1][-1].end:
                found[-1].append(one)
            else:
                found.append([one])
        return found

    def longest(self) -> tuple[float, list[Spell]]:
        """The longest stretch without a right answer, and of what it is made."""
        best = max(self.stretches(), key=_seconds, default=[])
        return _seconds(best), best


@dataclass
class Seen:
    """Everything: ``head`` is how it was watched, ``marks`` are what happened, ``rows`` the timeline of each path.

    ``single`` are the servers that are one process; Pods are not told to ask them, and their silence harms nobody.
    ``end`` is what came of the command; None when the watch did not reach its end.
    """

    head: Row
    tracks: dict[Path, Track]
    single: frozenset[str]
    marks: list[Row]
    rows: dict[Path, list[Row]]
    observers: list[Row]
    end: Row | None

    def clients(self) -> dict[Path, Track]:
        """The paths that Pods take: not to a replica, unless nothing else is known to be asked."""
        return {path: track for path, track in self.tracks.items() if path.server not in self.single} or self.tracks

    def by(self, part: str) -> dict[str, Counter[str]]:
        """Seconds that were not right, by cause, for each ``node`` or ``server``: of the path that suffered most."""
        found: dict[str, Counter[str]] = {}
        for path, track in self.tracks.items():
            worst = found.setdefault(str(getattr(path, part)), Counter())
            for cause in {one.cause for one in track.spells if not one.lag}:
                worst[cause] = max(worst[cause], track.total(cause))  # type: ignore[assignment]
        return found

    def worst(self) -> str:
        """How long a name was without a right answer, where Pods ask: the longest of all, in words."""
        found = {path: track.longest()[0] for path, track in self.clients().items()}
        if not found:
            return "nothing was asked"
        path = max(sorted(found), key=lambda one: found[one])
        where = f": {path}" if found[path] else ""
        return f"the longest time without a right answer was {found[path]:.2f} s{where}"


def read(lines: Iterable[Row]) -> Seen:
    """What the guard wrote."""
    of: dict[str, list[Row]] = {}
    for line in lines:
        of.setdefault(str(line.get("kind")), []).append(line)
    heads = of.get("watch", [{}])
    slot = float(heads[0].get("slot", 0.05))
    ends = of.get("end", [])
    granted = float(heads[0].get("propagation", 0.0)) + float((ends or heads)[-1].get("announced", 0.0))
    changes: dict[tuple[str, str], list[float]] = {}
    for line in of.get("truth", []):
        changes.setdefault((line["name"], line["type"]), []).append(line["at"])
    of_each = _by_path(of.get("seen", []), slot)
    tracks = {
        path: _track(rows, slot, changes.get((path.name, path.rdtype), []), granted) for path, rows in of_each.items()
    }
    single = frozenset(line["name"] for line in of.get("server", []) if line["single"])
    observers = {line["name"]: line for line in of.get("observer", [])}
    return Seen(
        heads[0],
        tracks,
        single,
        sorted(of.get("mark", []), key=lambda one: one["at"]),
        of_each,
        list(observers.values()),
        ends[-1] if ends else None,
    )


def _by_path(rows: Iterable[Row], slot: float) -> dict[Path, list[Row]]:
    found: dict[Path, list[Row]] = {}
    for row in rows:
        path = Path(row["name"], row["type"], row["server"], row["transport"], row.get("vantage", ""))
        found.setdefault(path, []).append(row)
    return {path: _joined(sorted(some, key=lambda one: one["from"]), slot) for path, some in found.items()}


def _joined(rows: Iterable[Row], slot: float) -> list[Row]:
    """Where nothing was otherwise, what was written down bit by bit is one row."""
    found: list[Row] = []
    for row in rows:
        last = found[-1] if found else None
        if last and _alike(last, row) and row["from"] - last["to"] <= gap_of(slot):
            came = {of: choose(last[of], row[of]) for of, choose in (("since", min), ("came", max)) if of in row}
            found[-1] = last | {"to": row["to"], "asks": last["asks"] + row["asks"]} | came
        else:
            found.append(row)
    return found


def _alike(one: Row, other: Row) -> bool:
    return all(one.get(what) == other.get(what) for what in ("said", "state", "cause"))


def _track(rows: Sequence[Row], slot: float, changes: Sequence[float], granted: float) -> Track:
    track = Track(rows[0]["from"], max(one["to"] for one in rows))
    for row, end, unknown in _ends(rows, slot):
        track.asks += row["asks"]
        track.unknown += unknown
        if row["state"] != State.RIGHT:
            lag = _is_lag(row, end, changes, granted)
            track.spells.append(Spell(row["cause"], row["from"], end, row["said"], lag))
    return track


def _ends(rows: Sequence[Row], slot: float) -> Iterator[tuple[Row, float, float]]:
    """Each row with its end, and for how long nobody asked after it: nothing is said of that time."""
    for at, row in enumerate(rows):
        if at + 1 == len(rows):
            yield row, row["to"], 0.0
            continue
        gap = rows[at + 1]["from"] - row["to"]
        if gap > gap_of(slot):
            yield row, row["to"], gap - slot
        else:
            yield row, rows[at + 1]["from"], 0.0


def _is_lag(row: Mapping[str, Any], end: float, changes: Iterable[float], granted: float) -> bool:
    if row["state"] not in (State.STALE, State.MISSING):
        return False
    return any(at - LEARNED_SECONDS <= row["from"] and end <= at + granted for at in changes)
