"""What is told of an outage that was watched: from when to when, what happened around it, where else it was so.

Each line has its word in front, as in every failure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from kube_dns_conformance.text import clock, in_order
from kube_dns_conformance.upgrade.seen import DNS_REPLICA, Path, Seen, Spell, Track

EARLIER_SECONDS, LATER_SECONDS = 10.0, 2.0
"""What happens so long before DNS fails, or so long after it did, may have to do with it."""
MARKS_SAID, PLACES_SAID = 8, 4


def happened(mark: Mapping[str, str]) -> str:
    """A mark in words."""
    return f"{mark['of']} {mark['name']}".rstrip() + f": {mark['what']}"


def causes(spells: Iterable[Spell]) -> str:
    """Why there was no right answer, what was so for longest first."""
    seconds: dict[str, float] = {}
    for one in spells:
        seconds[one.cause] = seconds.get(one.cause, 0.0) + one.seconds
    return ", ".join(sorted(seconds, key=lambda cause: -seconds[cause]))


def when(seen: Seen, start: float, end: float) -> list[str]:
    """From when to when, and what became of DNS replicas around that time, else of anything, or was last before."""
    began = seen.head["began"]
    since = f"{start - began:.1f} s to {end - began:.1f} s after the watch began"
    around = [one for one in seen.marks if start - EARLIER_SECONDS <= one["at"] <= end + LATER_SECONDS]
    last = [one for one in seen.marks if one["at"] <= start][-1:]
    some = [one for one in around if one["of"] == DNS_REPLICA] or around or last
    word = "meanwhile" if around else "before   "
    more = [f"  meanwhile {len(some) - MARKS_SAID} more"] if len(some) > MARKS_SAID else []
    return [
        f"  when      {clock(start)} to {clock(end)}, {since}",
        *(f"  {word} {clock(one['at'])}, {happened(one)}" for one in some[:MARKS_SAID]),
        *more,
    ]


def in_all(track: Track) -> list[str]:
    """How long it was not right, where that was more than once."""
    stretches = track.stretches()
    if len(stretches) < 2:
        return []
    seconds = sum(one.seconds for some in stretches for one in some)
    last = clock(stretches[-1][-1].end)
    lasted = f", and again until {last}" if stretches[-1] != track.longest()[1] else ""
    return [f"  in all    {seconds:.2f} s there, in {len(stretches)} stretches{lasted}"]


def and_more(beyond: Collection[Path]) -> str:
    """How many beside the one that is named."""
    return f" and {len(beyond) - 1} more paths" if len(beyond) > 1 else ""


def where(seen: Seen, beyond: Collection[Path], paths: Collection[Path]) -> str:
    """On which of the paths that count here, which are not all that were watched."""
    whose = " that Pods take" if len(paths) < len(seen.tracks) else ""
    names = {f"{one.name} {one.rdtype}" for one in beyond}
    what = names.pop() if len(names) == 1 else f"{len(names)} names and types"
    servers = _some({f"{one.server}/{one.transport}" for one in beyond})
    nodes = _some({one.node for one in beyond if one.node})
    return f"  where     {len(beyond)} of {len(paths)} paths{whose}: {what}, at {servers}" + (
        f", from node {nodes}" if nodes else ""
    )


def _some(places: Iterable[str]) -> str:
    found = in_order(places)
    more = f" and {len(found) - PLACES_SAID} more" if len(found) > PLACES_SAID else ""
    return ", ".join(found[:PLACES_SAID]) + more
