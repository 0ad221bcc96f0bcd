"""The whole catalogue against what a run says of it: what every report counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from kube_dns_conformance.requirements import Profile, catalogue
from kube_dns_conformance.results import Result, Results, Verdict

NOT_SELECTED = "not selected"
STATES = (*map(str, Verdict), NOT_SELECTED)
"""What can be said of a requirement, the worst first."""


def states(results: Results) -> dict[str, str]:
    """What the run says of each requirement of the catalogue."""
    verdicts = results.by_requirement()
    return {name: str(verdicts.get(name, NOT_SELECTED)) for name in catalogue()}


def profiles(results: Results) -> dict[Profile, Counter[str]]:
    """How many requirements of each profile have which state; a profile of which nothing was selected is left out."""
    counts: dict[Profile, Counter[str]] = {}
    for name, state in states(results).items():
        counts.setdefault(catalogue()[name].profile, Counter())[state] += 1
    return {profile: found for profile, found in counts.items() if set(found) != {NOT_SELECTED}}


def outcome(counts: Counter[str]) -> str:
    """``failure`` when anything is nonconformant, ``success`` when all that the cluster can show is conformant."""
    if counts[Verdict.NONCONFORMANT]:
        return "failure"
    judged = {Verdict.CONFORMANT, Verdict.UNSUPPORTED}
    return "success" if counts[Verdict.CONFORMANT] and set(+counts) <= judged else "partial"


def features(results: Results) -> dict[str, list[str]]:
    """The features by what is known of them, from all their requirements."""
    of: dict[str, set[str]] = {}
    for name, state in states(results).items():
        if catalogue()[name].feature:
            of.setdefault(catalogue()[name].feature, set()).add(state)
    found: dict[str, list[str]] = {
        "supported": [],
        "partlySupported": [],
        "unsupported": [],
        "nonconformant": [],
        "notJudged": [],
    }
    for feature, seen in of.items():
        found[_kind(seen)].append(feature)
    return found


def _kind(seen: set[str]) -> str:
    if Verdict.NONCONFORMANT in seen:
        return "nonconformant"
    if not seen <= {Verdict.CONFORMANT, Verdict.UNSUPPORTED}:
        return "notJudged"
    if len(seen) == 2:
        return "partlySupported"
    return "supported" if Verdict.CONFORMANT in seen else "unsupported"


def deciding(results: Results, verdict: Verdict) -> list[Result]:
    """One result for each requirement that has this verdict in the end: the first one that says so."""
    of = {name for name, one in results.by_requirement().items() if one is verdict}
    said: dict[str, Result] = {}
    for result in [*results.results, *results.not_run()]:
        if result.verdict is verdict and result.requirement in of:
            said.setdefault(result.requirement, result)
    return list(said.values())


def missing(result: Result) -> list[str]:
    """What a cluster lacks, from the message of an unsupported result: ``unsupported: needs ipv6, real-pods``."""
    return result.message.removeprefix("unsupported: ").removeprefix("needs ").split(", ")


def information(results: Results) -> list[tuple[str, str]]:
    """The differences of servers that are declared and no fault: requirement and text, each once."""
    found = [(one.requirement, text) for one in results.results for text in one.evidence.get("information", [])]
    return list(dict.fromkeys(found))


def implementation(cluster: dict[str, Any]) -> list[dict[str, str]]:
    """What serves DNS as it was found, with ``unknown`` for what was not."""
    found: Iterable[dict[str, str]] = cluster.get("implementation") or [{}]
    return [
        {"name": one.get("name") or "unknown", "version": one.get("version") or "unknown"}
        | ({"image": one["image"]} if one.get("image") else {})
        for one in found
    ]


def ip_families(cluster: dict[str, Any]) -> list[str]:
    """``ipv4`` and ``ipv6``, as far as the cluster has them."""
    return [family for family in ("ipv4", "ipv6") if family in cluster.get("capabilities", [])]
