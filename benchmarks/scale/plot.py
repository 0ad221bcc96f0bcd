"""The curves as a picture: both axes logarithmic, so that what is linear is a straight line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

SERIES = {
    "audit, seconds": "seconds",
    "peak memory, MiB": "MiB",
    "questions a second": "questions a second",
    "dnsperf, questions a second": "dnsperf a second",
    "API requests": "requests",
}
MARKERS = "osD^v"


def draw(results: dict[str, Any], path: Path) -> None:
    """Write an SVG."""
    # Text stays text, and the same figures give the same picture.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "kube-dns-conformance"}):
        figure = Figure(figsize=(8, 5))
        axes = figure.subplots()
        for (label, name), marker in zip(SERIES.items(), MARKERS, strict=True):
            points = [(row["endpoints"], row[name]) for row in results["rows"]]
            axes.loglog(*zip(*points, strict=True), marker=marker, label=label)
        axes.set_xlabel("endpoints, with a fifth as many Services")
        axes.set_title(f"audit of one server, {results['machine']}, {results['date']}")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
        figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")
