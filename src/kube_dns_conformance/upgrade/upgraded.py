"""An upgrade as its requirements are judged: what was before, what was seen, what is after, and what it might cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.evidence import Evidence, Watched
from kube_dns_conformance.judge import Nonconformant
from kube_dns_conformance.requirements import Requirement
from kube_dns_conformance.upgrade import seen as seeing
from kube_dns_conformance.upgrade import wording
from kube_dns_conformance.upgrade.budget import Budget, is_lie, parse
from kube_dns_conformance.upgrade.folder import AFTER, BEFORE, Folder
from kube_dns_conformance.upgrade.seen import Path as Asked
from kube_dns_conformance.upgrade.seen import Seen, Track
from kube_dns_conformance.upgrade.snapshot import Snapshot

ROWS_KEPT = 20_000
"""Of the timeline as evidence; all of it stays in the upgrade's folder."""
LEAST_SEEN = 0.5
"""Of its time a path must have been asked, for the silence of the rest to say nothing bad."""


@dataclass
class Upgraded:
    """Read from the folder of an upgrade; `judge` gives it the requirement, and takes the evidence."""

    before: Snapshot
    after: Snapshot
    seen: Seen
    budget: Budget

    @classmethod
    def read(cls, path: Path) -> Upgraded:
        """Raises UsageError when a phase is missing."""
        folder = Folder(path)
        before, after = (Snapshot.from_data(folder.load(name)) for name in (BEFORE, AFTER))
        seen = seeing.read(folder.lines())
        return cls(before, after, seen, parse(seen.head.get("budget", {}), str(folder.watch)))

    def watched(self) -> Watched:
        """What was seen, as the evidence of a change."""
        began = float(self.seen.head["began"])
        end = self.seen.end or {}
        about = {
            "began": round(began, 3),
            "settled": end.get("commanded", began),
            "deadline": end.get("at", began),
            "propagation": 0.0,
            "events": [{**one, "kind": one["of"], "own": {}} for one in self.seen.marks],
            "observers": self.seen.observers,
        }
        made = Watched(began, about)
        for path in self.worst_first():  # of a long upgrade not everything is kept
            made.timeline += self.seen.rows[path] if len(made.timeline) < ROWS_KEPT else []
        made.windows = [_window(path, track) for path, track in self.seen.tracks.items()]
        return made

    def worst_first(self) -> list[Asked]:
        """The paths, those first that were longest without a right answer."""
        return sorted(self.seen.tracks, key=lambda path: (-self.seen.tracks[path].longest()[0], path))


class Judge:
    """Judges one requirement of an upgrade."""

    def __init__(self, requirement: Requirement, upgraded: Upgraded) -> None:
        self.requirement = requirement
        self.upgraded = upgraded
        self.evidence = Evidence()

    def _insist_looked(self) -> None:
        if self.upgraded.after.problem:
            raise ClusterError(f"DNS could not be looked at after the upgrade: {self.upgraded.after.problem}")

    def same(self, what: str, before: str, after: str, why: str) -> None:
        """Insist that something is as before; ``why`` says whom it harms otherwise."""
        self._insist_looked()
        self.evidence.found("compared with before the upgrade", {what: before}, {what: after})
        if before != after:
            self._condemn(f"{what}: {before} before, {after} after: {why}")

    def kept(self, what: str, before: Iterable[str], after: Iterable[str]) -> None:
        """Insist that nothing is missing that was there before."""
        self._insist_looked()
        had, has = list(map(str, before)), list(map(str, after))
        self.evidence.found("compared with before the upgrade", {what: " ".join(had)}, {what: " ".join(has)})
        if lost := [one for one in had if one not in has]:
            self._condemn(f"{what}: no longer {', '.join(lost)}")

    def no_record_worse(self) -> None:
        """Insist that no record is wrong now that was not wrong before."""
        self._insist_looked()
        before, after = self.upgraded.before, self.upgraded.after
        self.evidence.found(
            "audited before and after",
            {"records that are wrong": f"{len(before.wrong)} of {len(before.records)}, or less"},
            {"records that are wrong": f"{len(after.wrong)} of {len(after.records)}"},
        )
        worse = {name: text for name, text in after.wrong.items() if name not in before.wrong}
        self.evidence.information += [f"wrong before as well: {name}" for name in after.wrong if name in before.wrong]
        if worse:
            first = next(iter(worse.values())).partition(": ")[2]
            self._condemn(f"{len(worse)} of {len(after.records)} records are wrong now: {first}", *worse.values())

    def never(self, causes: Iterable[str], *, everywhere: bool) -> None:
        """Insist that no more was answered for one of these causes than the budget has.

        ``everywhere``: by DNS replicas as well that Pods are not told to ask.
        """
        seen, wanted = self._seen(), list(causes)
        paths = seen.tracks if everywhere else seen.clients()
        limits = {one: self.upgraded.budget.total[one] for one in wanted if one in self.upgraded.budget.total}
        self._require(*(f"no more than {limit:g} s {cause}, of each name" for cause, limit in limits.items()))
        beyond = [
            (track.total(cause), cause, path, track)
            for path, track in paths.items()
            for cause, limit in limits.items()
            if track.total(cause) > limit
        ]
        if beyond:
            seconds, cause, path, track = max(beyond, key=lambda one: (is_lie(one[1]), one[0]))
            first = next(one for one in track.spells if one.cause == cause and not one.lag)
            others = {one[2] for one in beyond}
            self.evidence.wrong = first.start, first.end
            self._condemn(
                f"{cause} for {seconds:.2f} s, {limits[cause]:g} s are allowed: {path}{wording.and_more(others)}",
                wording.where(seen, others, paths),
                *wording.when(seen, first.start, first.end),
                *wording.in_all(track),
                f"  got       {first.said}",
            )
        self._insist_seen(paths)

    def never_longer(self) -> None:
        """Insist that no name was without a right answer for longer than the budget has, where Pods ask."""
        seen, limit = self._seen(), self.upgraded.budget.longest
        self._require(f"never longer than {limit:g} s without a right answer")
        found = {path: track.longest() for path, track in seen.clients().items()}
        beyond = {path: one for path, one in found.items() if one[0] > limit}
        if beyond:
            path, (seconds, spells) = max(beyond.items(), key=lambda one: one[1][0])
            self.evidence.wrong = spells[0].start, spells[-1].end
            causes, more = wording.causes(spells), wording.and_more(beyond)
            self._condemn(
                f"no right answer for {seconds:.2f} s ({causes}), {limit:g} s are allowed: {path}{more}",
                wording.where(seen, beyond, found),
                *wording.when(seen, spells[0].start, spells[-1].end),
                *wording.in_all(seen.tracks[path]),
                f"  got       {max(spells, key=lambda one: one.seconds).said}",
            )
        self._insist_seen(seen.clients())

    def _seen(self) -> Seen:
        seen = self.upgraded.seen
        self.evidence.changes.append(self.upgraded.watched())
        if not seen.tracks:
            raise ClusterError("nothing was asked while the upgrade went on")
        return seen

    def _insist_seen(self, paths: dict[Asked, Track]) -> None:
        """Raise ClusterError when too little was asked for this to be said: nobody knows what was meanwhile."""
        end = self.upgraded.seen.end
        if end is None:
            raise ClusterError("the watch did not reach its end: what came after it is not known")
        if unwatched := end.get("unwatched"):
            raise ClusterError(f"nobody asked from node {', '.join(unwatched)}: what was answered there is not known")
        for path, track in paths.items():
            # From a node that has gone nobody can ask, nor a replica that has gone.
            lasts = path.node in end.get("nodes", ()) and path.server not in self.upgraded.seen.single
            until = max(track.end, end["at"]) if lasts else track.end
            seconds, unknown = until - track.start, track.unknown + until - track.end
            if unknown > (1 - LEAST_SEEN) * seconds:
                raise ClusterError(f"of {seconds:.0f} s {unknown:.0f} s were not watched: {path}")

    def _require(self, *rules: str) -> None:
        for rule in rules:
            self.evidence.changes[-1].require(rule)

    def _condemn(self, summary: str, *details: str) -> NoReturn:
        one = self.requirement
        raise Nonconformant("\n".join([f"NONCONFORMANT {one.id} ({one.section}, {one.level}): {summary}", *details]))


def _window(path: Asked, track: Track) -> dict[str, object]:
    lane = {"name": path.name, "type": path.rdtype, "server": path.server, "transport": path.transport}
    where = {"vantage": path.node} if path.node else {}
    bad = [one for one in track.spells if not one.lag]
    spells = [{"cause": one.cause, "from": one.start, "seconds": round(one.seconds, 3)} for one in bad]
    total = sum(one.seconds for one in bad)
    times = {"longest": round(track.longest()[0], 3), "total": round(total, 3), "unknown": round(track.unknown, 3)}
    return lane | where | times | {"outages": spells}
