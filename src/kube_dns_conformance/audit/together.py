"""What several found, as one outcome; and what one of them found, on its way through the API server."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from kube_dns_conformance.audit.findings import Finding, Outcome
from kube_dns_conformance.promises import Key

PLAIN = (
    "gone",
    "again",
    "questions",
    "sent_twice",
    "services",
    "all_services",
    "pods_refused",
    "seconds",
    "incomplete",
)


def pack(outcome: Outcome) -> bytes:
    """For `unpack`, in any process of the same version."""
    data = {name: getattr(outcome, name) for name in PLAIN} | {
        "asked": [[*key, count] for key, count in outcome.asked.items()],
        "skipped": dict(outcome.skipped),
        "unknown": [[*key, why] for key, why in outcome.unknown.items()],
        "findings": [[*one.key, one.section, one.text, one.answers] for one in outcome.findings],
    }
    return gzip.compress(json.dumps(data).encode(), mtime=0)


def unpack(packed: bytes) -> Outcome:
    """What `pack` was given."""
    data = json.loads(gzip.decompress(packed))
    return Outcome(
        **{name: data[name] for name in PLAIN},
        asked=Counter({(section, rdtype): count for section, rdtype, count in data["asked"]}),
        skipped=Counter(data["skipped"]),
        unknown={Key(name, rdtype): why for name, rdtype, why in data["unknown"]},
        findings=[Finding(Key(name, rdtype), *rest) for name, rdtype, *rest in data["findings"]],
    )


def of_shards(outcomes: Iterable[Outcome]) -> Outcome:
    """Of those who each asked what nobody else did."""
    made = Outcome()
    for one in outcomes:
        _count(made, one)
        made.asked += one.asked
        made.skipped += one.skipped
        made.findings += one.findings
        made.unknown |= one.unknown
        made.gone += one.gone
        made.again += one.again
    made.findings.sort(key=lambda one: one.key)
    return made


def of_nodes(outcomes: Mapping[str, Outcome]) -> Outcome:
    """Of those who each asked the same, from a node each. A name that is wrong from several is wrong once."""
    made = Outcome()
    wrong: dict[Key, dict[str, Finding]] = {}
    unknown: dict[Key, list[str]] = {}
    for node, one in sorted(outcomes.items()):
        _count(made, one)
        made.asked |= one.asked
        made.skipped |= one.skipped
        made.gone = max(made.gone, one.gone)
        made.again = max(made.again, one.again)
        for found in one.findings:
            wrong.setdefault(found.key, {})[node] = found
        for key, why in one.unknown.items():
            unknown.setdefault(key, []).append(f"{why} (from node {node})")
    made.findings = [_from(wrong[key], len(outcomes)) for key in sorted(wrong)]
    made.unknown = {key: "; ".join(whys) for key, whys in unknown.items() if key not in wrong}
    return made


def _count(made: Outcome, one: Outcome) -> None:
    """What is the same for both: they ask side by side, and see the same Services."""
    made.questions += one.questions
    made.sent_twice += one.sent_twice
    made.seconds |= {part: max(made.seconds.get(part, 0.0), seconds) for part, seconds in one.seconds.items()}
    made.services = max(made.services, one.services)
    made.all_services = max(made.all_services, one.all_services)
    made.pods_refused = made.pods_refused or one.pods_refused
    made.incomplete += one.incomplete


def _from(some: Mapping[str, Finding], nodes: int) -> Finding:
    """With the answers of all of them; where one differs in its first line, with that."""
    first = next(iter(some.values()))
    lines = [first.text, f"  nodes     {', '.join(some)} ({len(some)} of {nodes})"]
    lines += [f"  {node}: {one.message}" for node, one in some.items() if one.message != first.message]
    answers = [{"node": node, **answer} for node, one in some.items() for answer in one.answers]
    return replace(first, text="\n".join(lines), answers=answers)
