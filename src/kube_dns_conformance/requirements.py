"""The catalogue of requirements, read from ``catalogue.toml``."""

from __future__ import annotations

import fnmatch
import functools
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from kube_dns_conformance.clusters.base import Capability
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.resources import PACKAGE


class Level(StrEnum):
    """How binding a requirement is (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Profile(StrEnum):
    """What kind of promise a requirement is part of."""

    CORE = "core"
    EXTENDED = "extended"
    SURVIVAL = "survival"
    UPGRADE = "upgrade"


@dataclass(frozen=True)
class Requirement:
    """One checkable sentence. ``section`` is of the specification unless it names an RFC."""

    id: str
    sentence: str
    level: Level
    profile: Profile
    section: str
    feature: str = ""
    needs: tuple[Capability, ...] = ()
    reading: str = ""

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def missing(self, capabilities: Iterable[Capability]) -> list[Capability]:
        """What a cluster with ``capabilities`` lacks for this requirement to be judged on it."""
        return [need for need in self.needs if need not in set(capabilities)]


@functools.cache
def catalogue() -> dict[str, Requirement]:
    """Every requirement by its id, in the order of the file."""
    entries = tomllib.loads((PACKAGE / "catalogue.toml").read_text())["requirement"]
    return {entry["id"]: _requirement(**entry) for entry in entries}


def select(globs: Iterable[str], profiles: Iterable[str]) -> set[str]:
    """The ids that match any of ``globs`` and any of ``profiles``; none given means all.

    Raises UsageError when a glob or a profile matches nothing: a run that judges less than was asked for would lie.
    """
    chosen = set(catalogue())
    patterns, wanted = list(globs), list(profiles)
    judged = dict.fromkeys(one.profile for one in catalogue().values())
    for pattern in patterns:
        if not fnmatch.filter(catalogue(), pattern):
            raise UsageError(f"no requirement matches {pattern!r}", "kube-dns-conformance requirements lists them")
    for profile in wanted:
        if profile not in judged:
            raise UsageError(f"{profile!r} is not a profile", f"choose from {', '.join(judged)}")
    if patterns:
        chosen = {one for pattern in patterns for one in fnmatch.filter(chosen, pattern)}
    if wanted:
        chosen = {one for one in chosen if catalogue()[one].profile in wanted}
    if not chosen:
        raise UsageError("no requirement is left", "the requirements named are not part of the profiles named")
    return chosen


def _requirement(**entry: Any) -> Requirement:
    entry["level"] = Level(entry["level"])
    entry["profile"] = Profile(entry["profile"])
    entry["needs"] = tuple(Capability(need) for need in entry.get("needs", ()))
    return Requirement(**entry)
