"""Where what is wrong was seen: what a person asks first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kube_dns_conformance.results import Result
from kube_dns_conformance.text import in_order


def seen_at(failures: Iterable[Result]) -> str:
    """At which servers, in a sentence; empty where that cannot be said of all of it, or only one was asked."""
    asked, wrong = set[str](), list[set[str]]()
    for one in failures:
        found: dict[str, bool] = {}
        for server, is_wrong in _rows(one.evidence):
            found[server] = found.get(server, False) or is_wrong
        asked |= found.keys()
        wrong.append({server for server, is_wrong in found.items() if is_wrong})
    if len(asked) < 2 or not wrong or not all(wrong):
        return ""
    blamed = set.union(*wrong)
    if blamed == asked:
        return "It was so at every server that was asked." if all(one == asked for one in wrong) else ""
    right = in_order(asked - blamed)
    were = "was" if len(right) == 1 else "were"
    return f"All of it was seen at {_and(in_order(blamed))} alone; {_and(right)} {were} right."


def _rows(evidence: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Servers, and whether they were wrong there: in an answer of the last round, or by following a change too late."""
    for check in evidence.get("checks", []):
        if "server" in check:
            yield check["server"], bool(check.get("differs"))
    for change in evidence.get("changes", []):
        granted = change.get("deadline", 0.0) - change.get("settled", 0.0)
        for window in change.get("windows", []):
            if "appeared" in window:
                yield window["server"], window["appeared"] is None or window["appeared"] > granted


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
