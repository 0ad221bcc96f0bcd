"""The conformance report, for publishing: who was judged, with what outcome, how to do it again.

Its form is that of ``conformance.schema.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import yaml

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.text import printable

API_VERSION = "kube-dns-conformance/v1alpha1"


def text(results: Results) -> str:
    """The YAML document. On one line what is one text, so that lines can be searched for."""
    shown = _printable(document(results))
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=float("inf"))


def document(results: Results) -> dict[str, Any]:
    """The report as data."""
    run, cluster = results.run, results.run.get("cluster", {})
    return {
        "apiVersion": API_VERSION,
        "kind": "ConformanceReport",
        "outcome": results.outcome(),
        "complete": results.complete,
        **({"endedBy": results.ended_by} if results.ended_by else {}),
        "implementation": coverage.implementation(cluster),
        "cluster": {
            "kubernetes": cluster.get("kubernetes") or "unknown",
            "provider": cluster.get("provider") or "unknown",
            "zone": cluster.get("zone") or "unknown",
            "ipFamilies": coverage.ip_families(cluster),
            "capabilities": cluster.get("capabilities", []),
        },
        "run": {
            "id": run.get("run") or "unknown",
            "version": run.get("version") or "unknown",
            "started": _time(run.get("started", 0.0)),
            **({"finished": _time(results.finished)} if results.finished else {}),
            "command": run.get("command") or "unknown",
        },
        "profiles": list(_profiles(results)),
        "features": coverage.features(results),
        **_requirements(results),
        "information": [{"requirement": name, "text": said} for name, said in coverage.information(results)],
        "timings": run.get("timings", {}),
    }


def _profiles(results: Results) -> Iterator[dict[str, Any]]:
    for profile, counts in coverage.profiles(results).items():
        by_state = {_camel(state): counts[state] for state in coverage.STATES}
        yield {"name": str(profile), "result": coverage.outcome(counts), "counts": by_state}


def _requirements(results: Results) -> dict[str, list[dict[str, Any]]]:
    """Every requirement that is not conformant, and why."""
    lists: dict[str, list[dict[str, Any]]] = {}
    for verdict in Verdict:
        if verdict is Verdict.CONFORMANT:
            continue
        lists[_camel(verdict)] = found = []
        for result in coverage.deciding(results, verdict):
            one = catalogue()[result.requirement]
            entry: dict[str, Any] = {"requirement": one.id, "level": str(one.level), "profile": str(one.profile)}
            entry["section"] = one.section
            if verdict is Verdict.UNSUPPORTED:
                entry["missing"] = coverage.missing(result)
            else:
                entry["message"] = result.message
            found.append(entry)
    return lists


def _camel(state: str) -> str:
    """``not run`` → ``notRun``."""
    first, *rest = state.split()
    return first + "".join(map(str.capitalize, rest))


def _time(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(one) for one in value]
    return {key: _printable(one) for key, one in value.items()} if isinstance(value, dict) else value
