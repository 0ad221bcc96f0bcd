"""Which lies Kubernetes' own DNS conformance tests notice: ``make faults-e2e`` writes docs/kubernetes-e2e.md.

They run against every fault of tests/faults, on clusters whose DNS Service leads to the faulty server. What was run
before is not run again: the results are in a file, and removing a line from it is asking for it anew. Where no
container engine answers, this starts itself again with one of our own, see tools/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from uuid import uuid4

from benchmarks.kubernetes_e2e import again, e2e, faulty, images
from faults import FAULTS
from kube_dns_conformance.progress import step
from tools import on_kind
from tools.command import ToolsError, guarded

MODULE = "benchmarks.kubernetes_e2e.faults"
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "kubernetes-e2e-faults.jsonl"
PAGE = ROOT / "docs" / "kubernetes-e2e.md"
SECONDS = 150
"""How long the tests have: three times as long as they take when nothing is wrong."""
CLUSTERS = 3


@dataclass(frozen=True)
class Outcome:
    """One run of the tests: ``failed`` are those that did not pass in time; ``fault`` is empty for the real server.

    ``on`` is where and when.
    """

    fault: str
    failed: list[str]
    seconds: float
    asked: int
    on: str


def main() -> int:
    """Run what was not run yet, and write the page."""
    parser = argparse.ArgumentParser(prog="make faults-e2e ARGS=…", description=__doc__)
    parser.add_argument("--fault", default="*", metavar="GLOB", help="only these")
    parser.add_argument("--clusters", type=int, default=CLUSTERS, metavar="N", help="how many side by side")
    parser.add_argument(
        "--load", type=Path, action="append", default=[], metavar="ARCHIVE", help="images for the nodes"
    )
    arguments = parser.parse_args()
    known = {one.fault for one in read()}
    wanted = [name for name in FAULTS if name not in known and fnmatchcase(name, arguments.fault)]
    if wanted and not on_kind.engine_answers():
        again.with_our_engine(MODULE)
    if wanted:
        run_all(wanted, arguments.clusters, arguments.load)
    PAGE.write_text(page(read()))
    print(f"{PAGE.relative_to(ROOT)} has {len(read())} of {len(FAULTS)} faults")
    return 0


def read() -> list[Outcome]:
    """What was run so far, in the order of the faults."""
    if not RESULTS.exists():
        return []
    order = list(FAULTS)
    found = [Outcome(**json.loads(line)) for line in RESULTS.read_text().splitlines()]
    return sorted((one for one in found if one.fault in FAULTS), key=lambda one: order.index(one.fault))


def run_all(names: Sequence[str], clusters: int, archives: Sequence[Path]) -> None:
    """Run the tests against these faults on several clusters side by side. Raises ToolsError."""
    left: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        left.put(name)
    with step("Kubernetes' tests against faulty servers") as progress, ThreadPoolExecutor(clusters) as pool:
        progress.update(done=0, total=len(names))

        def keep(outcome: Outcome) -> None:
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
            progress.update(done=sum(one.fault in names for one in read()), note=outcome.fault)

        workers = [pool.submit(work, left, archives, keep) for _ in range(min(clusters, len(names)))]
        try:
            for one in as_completed(workers):
                one.result()
        finally:
            for _ in _taken(left):  # so that whoever still works ends, and deletes its cluster
                pass


def work(left: queue.SimpleQueue[str], archives: Sequence[Path], keep: Callable[[Outcome], None]) -> None:
    """Run the tests against one fault after the other on a cluster of its own. Raises ToolsError."""
    with faulty.cluster(f"faulty-{uuid4().hex[:8]}", archives) as cluster:
        binary = images.toolchain(cluster.kind.kubernetes).need("e2e.test")["e2e.test"]
        if outcome(cluster, binary, "").failed:
            raise ToolsError("the tests fail with the real servers, so that their verdict would say nothing")
        for name in _taken(left):
            keep(outcome(cluster, binary, name))


def outcome(cluster: faulty.Faulty, binary: Path, name: str) -> Outcome:
    """Run the tests against one fault. Raises ToolsError when they did not ask the server that has it."""
    cluster.liar.choose(name)
    options = [f"--ginkgo.timeout={SECONDS}s", "--ginkgo.grace-period=5s"]
    with tempfile.TemporaryDirectory(prefix="kdc-") as directory:
        finished = e2e.run(binary, cluster.kind.kubeconfig, Path(directory), *options)
    if not cluster.liar.asked:
        raise ToolsError(f"nobody asked the server with the fault {name}")
    failed = [test for test, state in finished.verdicts.items() if state != e2e.PASSED]
    on = f"Kubernetes {cluster.kind.kubernetes}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
    return Outcome(name, failed, round(finished.seconds, 1), cluster.liar.asked, on)


def _taken(left: queue.SimpleQueue[str]) -> Iterator[str]:
    with suppress(queue.Empty):
        while True:
            yield left.get_nowait()


def page(outcomes: Sequence[Outcome]) -> str:
    """Both columns, for people."""
    lies = [one for one in outcomes if FAULTS[one.fault].is_lie]
    others = [one for one in outcomes if not FAULTS[one.fault].is_lie]
    noticed = sum(bool(one.failed) for one in lies)
    return "\n".join(
        [
            "# What Kubernetes' own DNS conformance tests notice",
            "",
            f"Of {len(lies)} [lies](faults.md) the eight tests `{e2e.FOCUS}` notice {noticed}: one or",
            f"more does not pass within {SECONDS} s, three times what all take when nothing is wrong. They run on",
            "kind clusters (IPv4) whose DNS Service leads to the faulty server. `make faults-e2e` ran them and wrote",
            f"this page ({'; '.join(sorted({one.on for one in outcomes}))}); how long each run took is in",
            "[its results](../benchmarks/results/kubernetes-e2e-faults.jsonl).",
            "",
            "*Kubernetes'* names the tests that had failed or not ended by then: of a server that is slow or says",
            "nothing it is the one that was under way. *Ours* is who has to notice, and did so on an embedded",
            "dual-stack cluster.",
            "",
            f"Lies about IPv6 addresses alone cannot show on clusters with IPv4: that is {_of_ipv6(lies)} of them.",
            "Where one of two replicas lies, every second question goes to the right one. Of the servers that are",
            f"unusual and no liars a test fails with {sum(bool(one.failed) for one in others)}, see the last table.",
            "",
            "By what the requirements are about that have to notice:",
            "",
            "| about | lies | noticed by Kubernetes' |",
            "|---|---|---|",
            *_by_subject(lies),
            "",
            "| fault | the lie | ours | Kubernetes' |",
            "|---|---|---|---|",
            *map(_row, lies),
            "",
            "What is unusual, and no lie. A test that fails here accuses somebody who is right:",
            "",
            "| server | what it does | ours | Kubernetes' |",
            "|---|---|---|---|",
            *map(_row, others),
            "",
        ]
    )


def _of_ipv6(lies: Sequence[Outcome]) -> int:
    return sum(FAULTS[one.fault].caught_by.endswith(".ipv6") for one in lies)


def _by_subject(lies: Sequence[Outcome]) -> Iterator[str]:
    """A row for each first part of the names of our requirements: what kind of lie goes unnoticed."""
    by_subject: dict[str, list[Outcome]] = defaultdict(list)
    for one in lies:
        by_subject[FAULTS[one.fault].caught_by.partition(".")[0]].append(one)
    for subject, ones in sorted(by_subject.items()):
        yield f"| `{subject}` | {len(ones)} | {sum(bool(one.failed) for one in ones)} |"


def _row(one: Outcome) -> str:
    fault = FAULTS[one.fault]
    ours = f"`{fault.caught_by}`" if fault.is_lie else "–"
    short = [test.removeprefix("[sig-network] DNS ").removesuffix(" [Conformance]") for test in one.failed]
    return f"| `{fault.name}` | {fault.lie}. | {ours} | {'; '.join(short) or '–'} |"


if __name__ == "__main__":
    guarded(main)
