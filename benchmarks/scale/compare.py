"""What got worse from one result to another: ``python -m benchmarks.scale.compare OLD NEW``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOLERANCE = 1.2
"""Machines differ from day to day by less than that."""
LESS_IS_BETTER = ("seconds", "MiB", "processor seconds", "requests")
MORE_IS_BETTER = ("questions a second", "ratio")


def worse(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """A line for each figure that got worse by more than the tolerance."""
    before = {row["endpoints"]: row for row in old["rows"]}
    for row in new["rows"]:
        was = before.get(row["endpoints"], {})
        for name in (*LESS_IS_BETTER, *MORE_IS_BETTER):
            if was.get(name) and row.get(name):
                change = row[name] / was[name] if name in LESS_IS_BETTER else was[name] / row[name]
                if change > TOLERANCE:
                    yield f"{row['endpoints']} endpoints, {name}: {was[name]:g} before, {row[name]:g} now"
    missing = before.keys() - {row["endpoints"] for row in new["rows"]}
    yield from (f"{one} endpoints: not measured now" for one in sorted(missing))
    lost = new["lies"]["planted"] - new["lies"]["found"]
    if lost or new["lies"]["else"]:
        yield f"{lost} planted lies not found, {len(new['lies']['else'])} others said to be"


def main() -> int:
    """Print; 1 when something got worse."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.compare", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    chosen = parser.parse_args()
    old, new = (json.loads(one.read_text(encoding="utf-8")) for one in (chosen.old, chosen.new))
    if old["machine"] != new["machine"]:
        print(f"not the same machine: {old['machine']} and {new['machine']}")
    found = list(worse(old, new))
    print(*found or ["nothing got worse"], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
