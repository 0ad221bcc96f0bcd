"""The figures as rows for docs/scale.md: ``python -m benchmarks.scale.table`` prints them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "results" / "scale.json"
COLUMNS = ("endpoints", "services", "questions", "seconds", "in two shards", "oracle seconds")
MORE_COLUMNS = ("questions a second", "dnsperf a second", "MiB", "requests")


def rows(results: dict[str, Any]) -> list[str]:
    """One for each size."""
    found = [row | {"in two shards": row["shards"]["2"]["seconds"]} for row in results["rows"]]
    return [f"| {' | '.join(f'{row[name]:,}' for name in (*COLUMNS, *MORE_COLUMNS))} |" for row in found]


if __name__ == "__main__":
    print(*rows(json.loads(RESULTS.read_text(encoding="utf-8"))), sep="\n")
