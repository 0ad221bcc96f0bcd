"""What reports call things: questions, answers and reasons in words, the same in each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kube_dns_conformance.clusters.base import DESCRIPTIONS
from kube_dns_conformance.outages import State
from kube_dns_conformance.reports.picture import asked_of
from kube_dns_conformance.results import Result
from kube_dns_conformance.text import in_order


def reason(result: Result) -> str:
    """The message without what the table says already: ``UNKNOWN a.b: ``, ``unsupported: ``."""
    heads = (f"UNKNOWN {result.requirement}: ", f"{result.verdict}: ")
    return next((result.message.removeprefix(one) for one in heads if result.message.startswith(one)), result.message)


def explained(why: str) -> str:
    """The names of capabilities with what they mean."""
    known = {str(name): text for name, text in DESCRIPTIONS.items()}
    names = why.removeprefix("needs ").split(", ")
    if names[0] not in known:
        return why
    return "needs " + "; ".join(f"{name} ({known[name]})" if name in known else name for name in names)


def troubled_first(rows: list[dict[str, Any]]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """The order of a timeline for people: lane by lane, those first in which something was not right."""

    def lane(row: dict[str, Any]) -> tuple[str, ...]:
        return row["name"], row["type"], asked_of(row)

    troubled = {lane(row) for row in rows if row.get("state", State.RIGHT) != State.RIGHT}
    return lambda row: (lane(row) not in troubled, lane(row), row["from"])


def asked(row: dict[str, Any]) -> tuple[str, str]:
    """What was asked, and of whom."""
    if "how" in row:
        return row["name"], row["how"]
    what = f"{row['name']} {row['type']} {row.get('options', '')}".rstrip()
    where = f" from {row['vantage']}" if row.get("vantage") else ""
    return what, f"{row['address']}/{row['transport']}{where}"


def got(row: dict[str, Any]) -> str:
    """What came back, as far as it was judged; or what was wrong with it."""
    if "said" in row:
        return str(row["said"])
    if row.get("problem"):
        return str(row["problem"])
    if row.get("claim"):
        return _whole(row)
    answers = in_order(record.split(" ", 2)[2] for record in row["answer"])
    cut = " (truncated)" if row.get("truncated") else ""
    return f"{row['rcode']} {' '.join(answers)}".rstrip() + cut


def _whole(row: dict[str, Any]) -> str:
    """Everything that came back: what is claimed may be about any of it."""
    parts = [
        f"{row['rcode']}{' (truncated)' if row.get('truncated') else ''}",
        f"{row['bytes']} bytes",
        f"EDNS {'none' if row['edns'] is None else row['edns']}",
        f"question {row['question'] or 'none'}",
        *(f"{name} {', '.join(in_order(row[name])) or 'none'}" for name in ("authority", "answer")),
    ]
    return "; ".join(parts)
