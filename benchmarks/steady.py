"""Whether verdicts depend on luck: ``python -m benchmarks.steady``.

Runs the profile survival again and again on one embedded cluster, and says where two runs differ.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.__main__ import COMMAND
from kube_dns_conformance.errors import ExitCode
from kube_dns_conformance.results import Verdict, read
from tools.command import guarded
from tools.standing import own_cluster


def main() -> int:
    """Run, compare, print; 1 when one run said something else than the first."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steady", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="how many, default 20")
    runs = parser.parse_args().runs
    differ, seconds, first = [], [], dict[str, Verdict]()
    with own_cluster("steady") as cluster, tempfile.TemporaryDirectory(prefix="kdc-steady-") as work:
        for number in range(1, runs + 1):
            began = time.monotonic()
            verdicts = judged(cluster.name, Path(work) / str(number))
            seconds.append(time.monotonic() - began)
            first = first or verdicts
            others = [
                f"{name}: {first.get(name)}, {verdict}"
                for name, verdict in verdicts.items()
                if verdict != first.get(name)
            ]
            differ += [f"run {number}: {line}" for line in others]
            print(f"run {number}: {len(verdicts)} requirements, {seconds[-1]:.0f} s, {len(others)} differ", flush=True)
    print(*differ, sep="\n")
    counts = {verdict: sum(one is verdict for one in first.values()) for verdict in dict.fromkeys(first.values())}
    print(f"{runs} runs, {min(seconds):.0f} to {max(seconds):.0f} s; of the first", end=" ")
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), end="; ")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    return 1 if differ else 0


def judged(name: str, report: Path) -> dict[str, Verdict]:
    """The verdicts of one run. Ends this one when it judged nothing."""
    options = [f"--name={name}", "--profile=survival", f"--report-dir={report}", "--allow-disruptive"]
    done = subprocess.run([*COMMAND, "run", *options], capture_output=True, text=True, check=False)
    if done.returncode in {ExitCode.USAGE, ExitCode.INTERRUPTED} or not (found := read(report).by_requirement()):
        sys.exit(done.stdout + done.stderr)
    return found


if __name__ == "__main__":
    guarded(main)
