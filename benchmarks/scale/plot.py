"""The curves as a picture: both axes logarithmic, so that what is linear is a straight line."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "kube-dns-conformance"  # the same picture for the same figures
mpl.rcParams["svg.fonttype"] = "none"

from matplotlib import pyplot  # noqa: E402 - after its kind of pictures is chosen

SERIES = {
    "audit, seconds": "seconds",
    "peak memory, MiB": "MiB",
    "questions a second": "questions a second",
    "dnsperf, questions a second": "dnsperf a second",
    "API requests": "requests",
}
MARKERS = "osD^v"


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line through their logarithms: the power with which the second grows with the first."""
    logarithms = [(math.log(x), math.log(y)) for x, y in points]
    return statistics.linear_regression(*zip(*logarithms, strict=True)).slope


def draw(results: dict[str, Any], path: Path) -> None:
    """Write an SVG."""
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for (label, name), marker in zip(SERIES.items(), MARKERS, strict=True):
        points = [(row["endpoints"], row[name]) for row in results["rows"]]
        axes.loglog(*zip(*points, strict=True), marker=marker, label=label)
    axes.set_xlabel("endpoints, with a fifth as many Services")
    axes.set_title(f"audit of one server, {results['machine']}, {results['date']}")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)
