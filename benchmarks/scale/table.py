"""The figures as rows for docs/scale.md: ``python -m benchmarks.scale.table`` prints them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "results" / "scale.json"
COLUMNS = ("endpoints", "services", "questions", "seconds", "questions a second", "dnsperf a second", "MiB", "requests")


def rows(results: dict[str, Any]) -> list[str]:
    """One for each size."""
    return [f"| {' | '.join(f'{row[name]:,}' for name in COLUMNS)} |" for row in results["rows"]]


def beside(results: dict[str, Any]) -> list[str]:
    """What else was measured at each size: one shard and two, the oracle alone, and a prober."""
    found = []
    for row in results["rows"]:
        cells = [f"{row['endpoints']:,}", _shard(row, "1"), _shard(row, "2"), f"{row['oracle seconds']:g} s"]
        found.append(f"| {' | '.join([*cells, row['missed slots']])} |")
    return found


def _shard(row: dict[str, Any], count: str) -> str:
    return f"{row['shards'][count]['seconds']:g} s, {row['shards'][count]['MiB']} MiB"


if __name__ == "__main__":
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))
    print(*rows(measured), "", *beside(measured), sep="\n")
