"""Kubernetes' DNS conformance tests and ours, in turns on one kind cluster: ``python -m benchmarks.kubernetes_e2e``.

Where no container engine answers, this starts itself again with one of our own, see tools/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks.kubernetes_e2e import again, e2e, images, kind, ours
from benchmarks.kubernetes_e2e.finished import Finished
from kube_dns_conformance.images import AGENT_IMAGE, AGENT_IMAGE_MUSL
from kube_dns_conformance.progress import step
from tools import on_kind
from tools.command import ToolsError, guarded

E2E, OURS = "Kubernetes e2e", "core + extended"
BUSY_SECONDS = 3.0
QUIET_PERCENT, QUIET_SECONDS = 16.0, 90.0
"""A cluster that has nothing to do keeps two cores busy for 10 to 15 %; after a run that takes a while."""
OUTPUT = Path("kdc-report", "kubernetes-e2e.json")
Programs = dict[str, Callable[[Path], Finished]]


def main() -> int:
    """Measure, print, and write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kubernetes_e2e", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="how often each is run, default 3")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"JSON with every time, default {OUTPUT}")
    parser.add_argument("--load", type=Path, action="append", metavar="ARCHIVE", help="images, instead of pulling them")
    arguments = parser.parse_args()
    if not on_kind.engine_answers():
        again.with_our_engine("benchmarks.kubernetes_e2e")
    with kind.cluster() as cluster:
        result = measure(cluster, arguments.load, arguments.repeat)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    show(result)
    print(f"every time is in {arguments.output}")
    return 0


def measure(cluster: kind.Kind, archives: list[Path] | None, repeat: int) -> dict[str, Any]:
    """Run both, ``repeat`` times each.

    The first run of each is not timed: it unpacks the images that pulling or loading only put there.
    """
    tools = images.toolchain(cluster.kubernetes)
    binary = tools.need("e2e.test")["e2e.test"]
    if archives:
        cluster.load(archives)
    else:
        cluster.pull([*images.wanted(tools).values(), AGENT_IMAGE, AGENT_IMAGE_MUSL])
    programs: Programs = {
        E2E: lambda work: e2e.run(binary, cluster.kubeconfig, work, zone=cluster.zone),
        OURS: lambda work: ours.run(cluster.name, work / "report"),
    }
    namespaces = cluster.namespaces()
    runs = []
    for number, name in enumerate([*programs, *turns(list(programs), repeat)], start=-len(programs)):
        busy = _when_quiet()
        which = f"run {number + 1} of {repeat * len(programs)}" if number >= 0 else "not timed, to warm up"
        with tempfile.TemporaryDirectory(prefix="kdc-") as work, step(f"{name}: {which}"):
            finished = programs[name](Path(work))
        _insist_all_good(name, finished)
        if number >= 0:
            runs.append({"program": name, "processors busy before, %": busy, **_rounded(finished)})
        cluster.wait_for_only(namespaces)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {"Kubernetes": cluster.kubernetes, "kind": tools.version("kind"), "e2e.test": cluster.kubernetes},
        "median seconds": {name: statistics.median(_seconds(runs, name)) for name in programs},
        "judged": {name: len(next(one for one in runs if one["program"] == name)["verdicts"]) for name in programs},
        "runs": runs,
    }


def _when_quiet() -> float:
    """How busy the processors are (%), once they are so no more than by an idle cluster for a while, or will not be."""
    deadline, before = time.monotonic() + QUIET_SECONDS, 100.0
    while True:
        busy = psutil.cpu_percent(interval=BUSY_SECONDS)
        if max(before, busy) <= QUIET_PERCENT or time.monotonic() > deadline:
            return busy
        before = busy


def turns(names: list[str], repeat: int) -> list[str]:
    """``["a", "b", "b", "a", …]``: each ``repeat`` times, and each first as often as the other."""
    return [name for number in range(repeat) for name in names[:: -1 if number % 2 else 1]]


def _insist_all_good(name: str, finished: Finished) -> None:
    """Only runs that find nothing are comparable: who waits for a wrong answer to become right takes longer."""
    good = e2e.PASSED if name == E2E else "conformant"
    if not finished.good(good):
        bad = [f"{what}: {verdict}" for what, verdict in finished.verdicts.items() if verdict != good]
        raise ToolsError(f"{name}: not everything is {good}: {'; '.join(bad) or 'nothing was judged'}")


def machine() -> str:
    """``2 cores, 24 GiB, Linux x86_64``."""
    memory = round(psutil.virtual_memory().total / 2**30)
    return f"{os.cpu_count()} cores, {memory} GiB, {platform.system()} {platform.machine()}"


def show(result: dict[str, Any]) -> None:
    """The table, and under it where the time went in the run that took the median."""
    print(f"{'':16}{'judges':>8}{'median':>10}  all, seconds")
    for name, median in result["median seconds"].items():
        times = " ".join(f"{seconds:.1f}" for seconds in _seconds(result["runs"], name))
        print(f"{name:16}{result['judged'][name]:>8}{median:>8.1f} s  {times}")
    for name, median in result["median seconds"].items():
        middle = min(_of(result["runs"], name), key=lambda one: abs(one["seconds"] - median))
        print(f"{name}: " + ", ".join(f"{part} {seconds:.1f} s" for part, seconds in middle["spent"].items()))
    print(f"{result['machine']}, Kubernetes {result['versions']['Kubernetes']}, {result['date']}")
    busiest = max(one["processors busy before, %"] for one in result["runs"])
    if busiest > QUIET_PERCENT:
        print(f"the machine was not quiet: its processors were {busiest:.0f} % busy before a run")


def _rounded(finished: Finished) -> dict[str, Any]:
    spent = {part: round(seconds, 1) for part, seconds in finished.spent.items()}
    return asdict(finished) | {"seconds": round(finished.seconds, 1), "spent": spent}


def _of(runs: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one for one in runs if one["program"] == name]


def _seconds(runs: list[dict[str, Any]], name: str) -> list[float]:
    return [float(one["seconds"]) for one in _of(runs, name)]


if __name__ == "__main__":
    guarded(main)
