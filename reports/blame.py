"""What all that is wrong has in common, and where it was seen: what a person asks first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kube_dns_conformance.outages import State
from kube_dns_conformance.results import Result
from kube_dns_conformance.text import clock, in_order

LIES_SHOWN = 3
LETTERS = 80
"""Of a lie: a record may be long."""

Lie = tuple[str, str]
"""The first label of a name, and what it was answered that must not be."""


def in_common(failures: Iterable[Result]) -> str:
    """What can be said of all that is wrong, in a sentence or two; empty where there is nothing."""
    some = list(failures)
    return " ".join(one for one in (told_alike(some), seen_when(some), seen_at(some)) if one)


def told_alike(failures: Sequence[Result]) -> str:
    """The same lie in most of the failures, and of which names; empty where each has one of its own."""
    told = [set(_lies(one.evidence)) for one in failures]
    counted = Counter(said for lies in told for said in {said for _, said in lies})
    most = max(counted.values(), default=0)
    if most < 2 or 2 * most <= len(told):
        return ""
    same = in_order(said for said, times in counted.items() if times == most)[:LIES_SHOWN]
    names = set.intersection(*({label for label, said in one if said == same[0]} for one in told if _has(one, same[0])))
    whose = f"{_and(in_order(names)[:LIES_SHOWN])} is answered " if names else ""
    many = f"all {most}" if most == len(told) else f"{most} of {len(told)}"
    return f"The same in {many}: {whose}{' '.join(one[:LETTERS] for one in same)}."


def seen_when(failures: Sequence[Result]) -> str:
    """From when to when, in a sentence; empty where that is not known of all of it, or said in the only one."""
    moments = [moment for one in failures for moment in one.evidence.get("wrong", [])]
    if len(failures) < 2 or len(moments) < 2 * len(failures):
        return ""
    return f"It was seen first at {clock(min(moments))}, last at {clock(max(moments))}."


def _has(lies: set[Lie], text: str) -> bool:
    return any(said == text for _, said in lies)


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


def _lies(evidence: dict[str, Any]) -> Iterator[Lie]:
    """What was answered and must not have been: at the end, or at any time while it was watched."""
    for check in evidence.get("checks", []):
        if check.get("differs") and "server" in check:
            for said in _beyond(check):
                yield _label(check), said
    for change in evidence.get("changes", []):
        yield from _lies_meanwhile(change)


def _lies_meanwhile(change: dict[str, Any]) -> Iterator[Lie]:
    true: dict[tuple[str, str], set[str]] = {}
    for one in change.get("truth", []):
        true.setdefault((one["name"], one["type"]), {"NOERROR"}).update(one["expected"].split())
    for row in change.get("timeline", []):
        if row.get("state") == State.WRONG:
            for said in set(row["said"].split()) - true.get((row["name"], row["type"]), set()):
                yield _label(row), said


def _beyond(check: dict[str, Any]) -> set[str]:
    if check.get("problem"):
        return {check["problem"]}
    said = {record.split(" ", 2)[2] for record in check.get("answer", [])} | {check.get("rcode", "")}
    return said - set(check.get("expected", "").split()) - {"NOERROR", ""}


def _label(row: dict[str, Any]) -> str:
    return f"{row['name'].partition('.')[0]}.…"
