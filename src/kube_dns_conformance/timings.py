"""Every time limit that can decide a verdict: named, documented, overridable, printed in the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from kube_dns_conformance.errors import UsageError


@dataclass(frozen=True)
class Timings:
    """Seconds, unless the name says otherwise. ``--timing NAME=VALUE`` changes one."""

    answer: float = 2.0
    """How long one question waits for its answer."""
    propagation: float = 10.0
    """The propagation budget: how long DNS may take to learn what the API server says. Caches may add the TTL that
    was announced, see ``cache``."""
    cache: float = 60.0
    """The most that is granted for an announced TTL, so that a server cannot buy itself time with a huge one."""
    ttl: float = 60.0
    """The longest TTL that what may change at any moment should be announced with."""
    settle: float = 180.0
    """How long objects may take to become ready before what depends on them is *unknown*."""
    api: float = 10.0
    """How long the API server may be out of reach before what depends on it is *unknown*."""
    hold: float = 1.5
    """How long the right answers must last after a change before it counts as survived."""
    away: float = 1.0
    """For how long the API server is stopped where that is judged."""
    late: float = 30.0
    """How long to go on watching what has not followed a change in time, to see how late it is."""
    slot: float = 0.05
    """How often each question is asked while something changes. Nothing that is shorter can be told."""
    stable: int = 3
    """How many rounds in a row must be right (a number, not seconds)."""

    def as_data(self) -> dict[str, float]:
        """For the report."""
        return asdict(self)


TIMINGS = tuple(field.name for field in fields(Timings))
"""Their names."""


def timings(settings: Iterable[str]) -> Timings:
    """From ``NAME=VALUE`` texts. Raises UsageError for an unknown name or a value that is not a positive number."""
    known = {field.name: field.type for field in fields(Timings)}
    chosen: dict[str, float] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in known:
            raise UsageError(f"there is no timing {name!r}", f"there are {', '.join(known)}")
        try:
            number = int(text) if name == "stable" else float(text)
        except ValueError:
            number = 0
        if not 0 < number < 86400:
            raise UsageError(f"--timing {setting}: the value must be a positive number below 86400")
        chosen[name] = number
    return Timings(**chosen)  # type: ignore[arg-type]
