"""Whether verdicts depend on luck: ``python -m benchmarks.steady``, with ``--kind`` on a kind cluster.

Runs the profile survival again and again on one cluster, and says what was nonconformant or unknown, and where two runs
differ, and how exactly it is known when DNS became otherwise.
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
from statistics import median

from benchmarks.__main__ import running_cluster
from kube_dns_conformance.resources import folder
from kube_dns_conformance.results import Results, Verdict, read
from tools.command import guarded

RESOLUTION_SECONDS = 0.1
"""It shall be known as exactly as that."""


def main() -> int:
    """Run, compare, print; 1 when a run said something else than the first, or that something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steady", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="how many, default 20")
    parser.add_argument("--kind", action="store_true", help="where kind works: python -m tools.on_kind python -m …")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="keep them there, in folders 1, 2 and so on")
    wanted = parser.parse_args()
    provider, runs = "kind" if wanted.kind else "embedded", wanted.runs
    problems, seconds, known = list[str](), list[float](), set[tuple[str, Verdict]]()
    exact: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="kdc-steady-") as work, running_cluster(Path(work), provider) as variables:
        for number in range(1, runs + 1):
            began = time.monotonic()
            report = (wanted.reports or Path(work) / "reports") / str(number)
            said = set(judged(variables, report).items())
            seconds.append(time.monotonic() - began)
            for name, some in resolutions(read(report)).items():
                exact.setdefault(name, []).extend(some)
            known = known or said
            other = (said ^ known) | {one for one in said if one[1] in Verdict.bad()}
            problems += [f"run {number}: {name} {verdict}" for name, verdict in sorted(other)]
            print(f"run {number}: {len(said)} requirements, {seconds[-1]:.0f} s, {len(other)} not so", flush=True)
    print(*problems, sep="\n")
    counts = {one: sum(verdict is one for _, verdict in known) for one in Verdict}
    of_first = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    print(*exactness(exact), sep="\n")
    print(f"{runs} runs, {min(seconds):.0f} to {max(seconds):.0f} s; the first: {of_first}; {machine}")
    return 1 if problems else 0


def judged(environment: Mapping[str, str], report: Path) -> dict[str, Verdict]:
    """The verdicts of one run."""
    provider, name = environment["KDC_CLUSTER"], environment["KDC_NAME"]
    which = [f"--cluster={provider}", f"--cluster-name={name}", "--keep-cluster", "--allow-disruptive"]
    options = [*which, "--profile=survival", f"--report-dir={report}"]
    command = [sys.executable, "-m", "pytest", str(folder("suites")), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = read(report).by_requirement() if report.exists() else {}
    if not any(verdict is Verdict.CONFORMANT for verdict in found.values()):
        sys.exit(done.stdout + done.stderr)
    return found


def resolutions(results: Results) -> dict[str, list[float]]:
    """By requirement, for each question at each server from each node, how exactly it is known what became of it."""
    found: dict[str, list[float]] = {}
    for one in results.results:
        for change in one.evidence.get("changes", []):
            known = [window["resolution"] for window in change["windows"] if window["resolution"]]
            found.setdefault(one.requirement, []).extend(known)
    return found


def exactness(found: Mapping[str, list[float]]) -> list[str]:
    """How exactly all that became otherwise is known, and the requirements with what is known worse than it shall be.

    A row that says so counts once, by the worst of its changes.
    """
    every = [seconds for some in found.values() for seconds in some]
    if not every:
        return []
    bad = {name: [one for one in some if one > RESOLUTION_SECONDS] for name, some in found.items()}
    head = f"{len(every)} rows changed, known to within {median(every):.3f} s in the median"
    return [f"{head}; {sum(map(len, bad.values()))} of them to more than {RESOLUTION_SECONDS} s:"] + [
        f"  {name}: {len(some)} of {len(found[name])}, the worst {max(some):.3f} s"
        for name, some in sorted(bad.items())
        if some
    ]


if __name__ == "__main__":
    guarded(main)
