"""Kubernetes' own e2e tests: run once, and what their report says."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.kubernetes_e2e.finished import Finished
from tools.command import SHOWN_LINES, ToolsError

FOCUS = r"\[sig-network\] DNS .*\[Conformance\]"
"""The DNS tests that every cluster must pass to be called conformant."""
PASSED = "passed"
_NOT_JUDGED = ("skipped", "pending")
# What the tests say that they do, and which part of a run that is. Whatever else they say belongs to no part.
_STEPS = {
    "submitting the pod": "waiting for Pods",
    "Creating a pod": "waiting for Pods",
    "looking for the results": "asking",
    "Verifying customized DNS": "asking",
}


def run(binary: Path, kubeconfig: Path, work: Path, *options: str, zone: str = "cluster.local") -> Finished:
    """Run the DNS tests, one after the other; ``work`` gets their log and their report. ``options`` are their own.

    Raises:
        ToolsError: they ended without a report.
    """
    report, log = work / "ginkgo.json", work / "e2e.log"
    command = [str(binary), f"--kubeconfig={kubeconfig}", "--provider=skeleton", f"--dns-domain={zone}"]
    command += [f"--ginkgo.focus={FOCUS}", f"--ginkgo.json-report={report}", "--ginkgo.no-color", *options]
    began = time.monotonic()
    with log.open("wb") as output:
        # In a directory of its own: the tests may write into the one they are in.
        done = subprocess.run(command, cwd=work, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    seconds = time.monotonic() - began
    if not report.exists():
        said = "\n".join(log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])
        raise ToolsError(f"the e2e tests ended with status {done.returncode} and without a report: {said}")
    return read(json.loads(report.read_text()), seconds)


def read(report: list[dict[str, Any]], seconds: float) -> Finished:
    """What Ginkgo's JSON report says about a run that took so long."""
    specs = [spec for suite in report for spec in suite["SpecReports"] or []]
    tests = [spec for spec in specs if spec["LeafNodeType"] == "It" and spec["State"] not in _NOT_JUDGED]
    in_tests = sum(map(_seconds, tests))
    parts = dict.fromkeys(_STEPS.values(), 0.0)
    for spec in tests:
        for part, took in _steps(spec):
            parts[part] += took
    parts["namespaces and clean-up"] = in_tests - sum(parts.values())
    spent = {"before and after the tests": seconds - in_tests, **parts}
    return Finished(seconds, {_name(spec): spec["State"] for spec in tests}, spent)


def _name(spec: Mapping[str, Any]) -> str:
    return " ".join([*(spec["ContainerHierarchyTexts"] or []), spec["LeafNodeText"]])


def _seconds(spec: Mapping[str, Any]) -> float:
    return float(spec["RunTime"]) / 1e9  # Go's durations are nanoseconds


def _steps(spec: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Parts of a test and their seconds: each lasts from when the test said so until it said something else."""
    said = [(event["Message"], event["TimelineLocation"]["Time"]) for event in spec.get("SpecEvents") or []]
    for (message, began), (_, ended) in pairwise([*said, ("", spec["EndTime"])]):
        for beginning, part in _STEPS.items():
            if message.startswith(beginning):
                yield part, _time(ended) - _time(began)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
