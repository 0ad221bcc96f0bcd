"""The conformance report, for publishing: who was judged, with what outcome, how to do it again.

Its form is that of ``conformance.schema.json``. It can be read back, so that whoever receives one can have everything
that follows from its verdicts computed again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import yaml

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable

API_VERSION = "kube-dns-conformance/v1alpha1"
DIGEST = "digest"
LISTED = (*(one for one in Verdict if one is not Verdict.CONFORMANT), Verdict.CONFORMANT)
"""What has to be looked into comes first."""
TIME = "%Y-%m-%dT%H:%M:%SZ"


def text(results: Results) -> str:
    """The YAML document, with its digest."""
    return dump(sealed(document(results)))


def dump(found: Mapping[str, Any]) -> str:
    """A document as YAML. On one line what is one text, so that lines can be searched for."""
    return yaml.safe_dump(dict(found), sort_keys=False, allow_unicode=True, width=float("inf"))


def sealed(found: Mapping[str, Any]) -> dict[str, Any]:
    """A document with the digest of all else that it says: of JSON with sorted keys, without blanks."""
    content = {key: value for key, value in found.items() if key != DIGEST}
    return content | {DIGEST: _digest(content)}


@cache
def catalogue_digest() -> str:
    """Of what this version requires: a report holds what follows from it."""
    return _digest([[one.id, one.level, one.profile, one.section, one.feature] for one in catalogue().values()])


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def document(results: Results) -> dict[str, Any]:
    """The report as data, without its digest."""
    return {key: _printable(value) for key, value in _told(results).items()}


def _told(results: Results) -> dict[str, Any]:
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
            "catalogue": catalogue_digest(),
            "started": _time(run.get("started", 0.0)),
            **({"finished": _time(results.finished)} if results.finished else {}),
            "command": run.get("command") or "unknown",
        },
        "profiles": list(_profiles(results)),
        "features": coverage.features(results),
        **_requirements(results),
        "information": [{"requirement": name, "text": text} for name, text in _information(results)],
        "timings": run.get("timings", {}),
    }


def _information(results: Results) -> list[tuple[str, str]]:
    """In an order of its own: that of the tests is not told."""
    return sorted({(name, printable(said)) for name, said in coverage.information(results)})


def _profiles(results: Results) -> Iterator[dict[str, Any]]:
    for profile, counts in coverage.profiles(results).items():
        by_state = {_camel(state): counts[state] for state in coverage.STATES}
        yield {"name": str(profile), "result": coverage.outcome(counts), "counts": by_state}


def _requirements(results: Results) -> dict[str, list[dict[str, Any]]]:
    """Every requirement, and why when it is not conformant."""
    lists: dict[str, list[dict[str, Any]]] = {}
    for verdict in LISTED:
        lists[_camel(verdict)] = found = []
        for result in coverage.deciding(results, verdict):
            one = catalogue()[result.requirement]
            entry: dict[str, Any] = {"requirement": one.id, "level": str(one.level), "profile": str(one.profile)}
            entry["section"] = one.section
            if verdict is Verdict.UNSUPPORTED:
                entry["missing"] = coverage.missing(result)
            elif verdict is not Verdict.CONFORMANT:
                entry["message"] = result.message
            found.append(entry)
    return lists


def requirements_of(found: Mapping[str, Any]) -> list[str]:
    """All requirements of which a document says something."""
    return [one["requirement"] for verdict in LISTED for one in found[_camel(verdict)]]


def results_of(found: Mapping[str, Any]) -> Results:
    """The run that a document was made of, as far as it says: a test for each requirement.

    The document has to keep to the schema. Raises ValueError when one of its times is none.
    """
    run, cluster = found["run"], found["cluster"]
    head = {
        "run": run["id"],
        "version": run["version"],
        "command": run["command"],
        "started": _epoch(run["started"]),
        "timings": found["timings"],
        "cluster": {one: cluster[one] for one in ("kubernetes", "provider", "zone", "capabilities")}
        | {"implementation": found["implementation"]},
    }
    told: dict[str, list[str]] = {}
    for one in found["information"]:
        told.setdefault(one["requirement"], []).append(one["text"])
    results = [
        Result(name, name, verdict, _message(one), evidence={"information": told.get(name, [])})
        for verdict in LISTED
        for one in found[_camel(verdict)]
        for name in [one["requirement"]]
    ]
    head["selected"] = {one.test: one.requirement for one in results}
    finished = _epoch(run["finished"]) if "finished" in run else 0.0
    return Results(head, results, found["complete"], found.get("endedBy", ""), finished)


def _message(entry: Mapping[str, Any]) -> str:
    return f"unsupported: needs {', '.join(entry['missing'])}" if "missing" in entry else entry.get("message", "")


def _epoch(time: str) -> float:
    return datetime.strptime(time, TIME).replace(tzinfo=UTC).timestamp()


def _camel(state: str) -> str:
    """``not run`` → ``notRun``."""
    first, *rest = state.split()
    return first + "".join(map(str.capitalize, rest))


def _time(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime(TIME)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(one) for one in value]
    return {key: _printable(one) for key, one in value.items()} if isinstance(value, dict) else value
