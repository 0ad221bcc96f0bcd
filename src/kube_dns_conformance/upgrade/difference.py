"""Two snapshots compared: pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.upgrade.snapshot import Snapshot


def unknown(after: Results) -> list[str]:
    """The requirements that could not be judged after the upgrade, those of the upgrade itself among them."""
    return [name for name, verdict in after.by_requirement().items() if verdict in (Verdict.UNKNOWN, Verdict.NOT_RUN)]


def information(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """What is otherwise than before, and wrong in no way."""
    if after.problem:
        return
    for what, was, now in (
        ("Kubernetes", before.kubernetes, after.kubernetes),
        ("DNS", " ".join(before.software), " ".join(after.software)),
        ("DNS replicas", str(len(before.replicas)), str(len(after.replicas))),
        ("that a name does not exist may be kept for", _seconds(before.denied_for), _seconds(after.denied_for)),
    ):
        if was != now:
            yield f"{what}: {was or 'not known'} before, {now or 'not known'} after"
    for name in sorted(before.configuration.keys() | after.configuration.keys()):
        if before.configuration.get(name) != after.configuration.get(name):
            yield f"the configuration {name} is not the same as before"


def _seconds(ttl: int | None) -> str:
    return "" if ttl is None else f"{ttl} s"


def otherwise(before: Snapshot, after: Snapshot) -> list[tuple[str, str, str]]:
    """Names and types that are answered otherwise, though their objects promise the same: what was said, and is."""
    return [
        (name, was["said"], after.records[name]["said"])
        for name, was in before.records.items()
        if name in after.records
        and was["promised"] == after.records[name]["promised"]
        and was["said"] != after.records[name]["said"]
    ]
