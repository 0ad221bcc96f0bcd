"""The curves as a picture: both axes logarithmic, so that what is linear is a straight line."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

SERIES: dict[str, Callable[[dict[str, Any]], float]] = {
    "audit, seconds": itemgetter("seconds"),
    "two shards, seconds": lambda row: float(row["shards"]["2"]["seconds"]),
    "the oracle alone, seconds": itemgetter("oracle seconds"),
    "peak memory, MiB": itemgetter("MiB"),
    "questions a second": itemgetter("questions a second"),
    "dnsperf, questions a second": itemgetter("dnsperf a second"),
    "API requests": itemgetter("requests"),
}
MARKERS = "oxPsD^v"


def draw(results: dict[str, Any], path: Path) -> None:
    """Write an SVG."""
    # Text stays text, and the same figures give the same picture.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "kube-dns-conformance"}):
        figure = Figure(figsize=(8, 5))
        axes = figure.subplots()
        for (label, figure_of), marker in zip(SERIES.items(), MARKERS, strict=True):
            points = [(row["endpoints"], figure_of(row)) for row in results["rows"]]
            axes.loglog(*zip(*points, strict=True), marker=marker, label=label)
        axes.set_xlabel("endpoints, with a fifth as many Services")
        axes.set_title(f"audit of one server, {results['machine']}, {results['date']}")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
        figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")
