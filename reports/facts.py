"""What runs were of, in words, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.results import Results


class Fact(NamedTuple):
    """What each run was of, in words."""

    what: str
    texts: list[str]

    @property
    def differs(self) -> bool:
        """Whether it was not the same in all runs."""
        return len(set(self.texts)) > 1


def facts_of(runs: Sequence[Results]) -> list[Fact]:
    """What each run was of, and what came of it."""
    of_each = [_came_of(one) | _judged(one) | _identity(one) for one in runs]
    return [Fact(what, [one[what] for one in of_each]) for what in of_each[0]]


def differences(before: Results, after: Results) -> list[Fact]:
    """In what the clusters of two runs differ, and how they were judged."""
    was, now = _judged(before), _judged(after)
    return [Fact(what, [was[what], now[what]]) for what in was if was[what] != now[what]]


def _came_of(results: Results) -> dict[str, str]:
    return {"outcome": results.outcome(), "verdicts": results.counts()}


def _judged(results: Results) -> dict[str, str]:
    cluster: dict[str, Any] = results.run.get("cluster") or {}
    software = coverage.implementation(cluster)
    servers = (f"{one['host']}:{one['port']}" for one in cluster.get("dns", []))
    return {
        "DNS implementation": ", ".join(f"{one['name']} {one['version']}" for one in software),
        "DNS servers": ", ".join(servers),
        "Kubernetes": cluster.get("kubernetes", "not known"),
        "zone": cluster.get("zone", "not known"),
        "capabilities": ", ".join(cluster.get("capabilities", [])),
        "time limits": ", ".join(f"{name} {value:g}" for name, value in results.run.get("timings", {}).items()),
        "kube-dns-conformance": results.run.get("version", "not known"),
    }


def _identity(results: Results) -> dict[str, str]:
    return {"run": results.run.get("run", "not known")}
