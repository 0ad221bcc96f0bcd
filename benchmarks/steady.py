"""Whether verdicts depend on luck: ``python -m benchmarks.steady``, with ``--kind`` on a kind cluster.

Runs the profile survival again and again on one cluster, and says what was nonconformant or unknown, and where two runs
differ. On kind, where most of the time passes in waiting for nodes and Pods, three processes share each run.
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

from benchmarks.__main__ import running_cluster
from kube_dns_conformance.resources import folder
from kube_dns_conformance.results import Verdict, read
from tools.command import guarded

PROCESSES = {"embedded": 0, "kind": 3}


def main() -> int:
    """Run, compare, print; 1 when a run said something else than the first, or that something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steady", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="how many, default 20")
    parser.add_argument("--kind", action="store_true", help="where kind works: python -m tools.on_kind python -m …")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="keep them there, in folders 1, 2 and so on")
    wanted = parser.parse_args()
    provider, runs = "kind" if wanted.kind else "embedded", wanted.runs
    problems, seconds, known = list[str](), list[float](), set[tuple[str, Verdict]]()
    with tempfile.TemporaryDirectory(prefix="kdc-steady-") as work, running_cluster(Path(work), provider) as variables:
        for number in range(1, runs + 1):
            began = time.monotonic()
            said = set(judged(variables, (wanted.reports or Path(work) / "reports") / str(number)).items())
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
    provider, name = environment["KDC_CLUSTER"], environment["KDC_NAME"]
    which = [f"--cluster={provider}", f"--cluster-name={name}", "--keep-cluster", "--allow-disruptive"]
    options = [*which, "--profile=survival", f"--report-dir={report}", f"-n{PROCESSES[provider]}"]
    command = [sys.executable, "-m", "pytest", str(folder("suites")), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = read(report).by_requirement() if report.exists() else {}
    if not any(verdict is Verdict.CONFORMANT for verdict in found.values()):
        sys.exit(done.stdout + done.stderr)
    return found


if __name__ == "__main__":
    guarded(main)
