"""Whether verdicts depend on luck: ``python -m benchmarks.steady``.

Runs the profile survival again and again on one embedded cluster, and says what was nonconformant or unknown, and where
two runs differ.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.__main__ import COMMAND, running_cluster
from kube_dns_conformance.results import Verdict, read
from tools.command import guarded


def main() -> int:
    """Run, compare, print; 1 when a run said something else than the first, or that something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steady", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="how many, default 20")
    runs = parser.parse_args().runs
    problems, seconds, known = list[str](), list[float](), set[tuple[str, Verdict]]()
    with tempfile.TemporaryDirectory(prefix="kdc-steady-") as work, running_cluster(Path(work)) as environment:
        for number in range(1, runs + 1):
            began = time.monotonic()
            said = set(judged(environment, Path(work) / "reports" / str(number)).items())
            seconds.append(time.monotonic() - began)
            known = known or said
            other = (said ^ known) | {one for one in said if one[1] in Verdict.bad()}
            problems += [f"run {number}: {name} {verdict}" for name, verdict in sorted(other)]
            print(f"run {number}: {len(said)} requirements, {seconds[-1]:.0f} s, {len(other)} not so", flush=True)
    print(*problems, sep="\n")
    counts = {one: sum(verdict is one for _, verdict in known) for one in Verdict}
    of_first = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    print(f"{runs} runs, {min(seconds):.0f} to {max(seconds):.0f} s; the first: {of_first}; {machine}")
    return 1 if problems else 0


def judged(environment: Mapping[str, str], report: Path) -> dict[str, Verdict]:
    """The verdicts of one run."""
    options = ["--profile=survival", f"--report-dir={report}", "--allow-disruptive"]
    done = subprocess.run([*COMMAND, "run", *options], env=environment, capture_output=True, text=True, check=False)
    found = read(report).by_requirement() if report.exists() else {}
    if not any(verdict is Verdict.CONFORMANT for verdict in found.values()):
        sys.exit(done.stdout + done.stderr)
    return found


if __name__ == "__main__":
    guarded(main)
