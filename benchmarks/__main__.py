"""How long the main job takes and where the time goes: ``python -m benchmarks cold|warm|running|everything``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "kube_dns_conformance"]
# What the project exists for: one address, one record per ready Pod, a stable name per Pod, all of it after restarts.
BEHAVIOURS = (
    "clusterip.address.*",
    "clusterip.srv.named-port",
    "headless.address.*",
    "headless.srv.every-endpoint-and-port",
    "statefulset.names.*",
    "negative.names.*",
    "survival.all-pods-replaced.*",
    "survival.scaling.*",
    "survival.pod-restart.*",
)
# What our own progress and summary lines say took time: "✓ starting cluster run-1, 3 s", "time: cluster 3.1 s, …".
STEP = re.compile(r"✓ (.+), (\d+) s$")
SPENT = re.compile(r"time: (.+)$", re.MULTILINE)


def cold(work: Path) -> dict[str, object]:
    """``make conformance`` in a fresh clone with a home folder that has no cache of anything."""
    clone, home = work / "clone", work / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    hidden = ("KDC_", "XDG_", "UV_", "PIP_CACHE", "GOCACHE", "GOMODCACHE", "GOPATH", "VIRTUAL_ENV")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(hidden)}
    # Go makes its module cache read-only, which would keep the folder from being deleted afterwards.
    flags = f"{environment.get('GOFLAGS', '')} -modcacherw".strip()
    return timed(["make", "conformance"], clone, environment | {"HOME": str(home), "GOFLAGS": flags})


def warm(work: Path) -> dict[str, object]:
    """``make conformance`` with the tools in the cache and the environment made."""
    del work
    return timed(["make", "conformance", "ARGS=--report-dir=.tox/benchmark-report"], ROOT, dict(os.environ))


def running(work: Path) -> dict[str, object]:
    """The behaviours the project exists for, on an embedded cluster that runs already."""
    return on_a_running_cluster(work, *(f"--requirement={behaviour}" for behaviour in BEHAVIOURS))


def everything(work: Path) -> dict[str, object]:
    """Every requirement, on an embedded cluster that runs already."""
    return on_a_running_cluster(work)


def on_a_running_cluster(work: Path, *options: str) -> dict[str, object]:
    """Make a cluster, and time one run on it."""
    with running_cluster(work) as environment:
        return timed([*COMMAND, "run", f"--report-dir={work / 'report'}", *options], ROOT, environment)


@contextmanager
def running_cluster(work: Path, provider: str = "embedded") -> Iterator[dict[str, str]]:
    """A cluster, and the environment in which `run` judges that one."""
    named = {"KDC_STATE": str(work), "KDC_CLUSTER": provider, "KDC_NAME": "benchmark"}
    environment = dict(os.environ) | named
    subprocess.run([*COMMAND, "cluster", "up", "--name=benchmark"], env=environment, check=True, capture_output=True)
    try:
        yield environment
    finally:
        subprocess.run(
            [*COMMAND, "cluster", "down", "--name=benchmark"], env=environment, check=True, capture_output=True
        )


def timed(command: list[str], directory: Path, environment: dict[str, str]) -> dict[str, object]:
    """Run once; seconds in all, and where they went by the command's own account."""
    environment = environment | {"KDC_CLUSTER": "embedded"}
    began = time.monotonic()
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        sys.exit(
            f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    steps = {name: float(text) for line in done.stderr.splitlines() for name, text in STEP.findall(line)}
    spent = SPENT.search(done.stdout)
    parts = [part.rsplit(" ", 2) for part in spent[1].split(", ")] if spent else []
    return {"seconds": round(seconds, 1), "run": {part[0]: float(part[1]) for part in parts}, "steps": steps}


def main() -> None:
    """Measure, print, and add to the results file."""
    measures = {one.__name__: one for one in (cold, warm, running, everything)}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*measures, []], help="default: all but cold")
    parser.add_argument("--repeat", type=int, default=3, help="how often (cold: once), default 3")
    arguments = parser.parse_args()
    results: dict[str, object] = {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    for what in arguments.what or ["warm", "running", "everything"]:
        rounds = []
        for _ in range(1 if what == "cold" else arguments.repeat):
            with tempfile.TemporaryDirectory(prefix="kdc-benchmark-") as work:
                rounds.append(measures[what](Path(work)))
        seconds = [float(str(one["seconds"])) for one in rounds]
        results[what] = {"median seconds": statistics.median(seconds), "all": seconds, "last": rounds[-1]}
        print(f"{what}: median {statistics.median(seconds):.1f} s of {seconds}", flush=True)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
