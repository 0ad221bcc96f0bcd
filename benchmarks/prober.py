"""Whether a prober keeps its pace: ``python -m benchmarks.prober``, with ``--kind`` from one agent in a kind cluster.

Asks 200 names of both CoreDNS replicas of a cluster 20 times a second over UDP: on an embedded cluster from a process
of its own, and beside that, in the same run, the same number of questions the slow way: one exchange after the other
through dnspython. On kind the agents' nodes have one core, and the control plane with DNS all others: a node of its own
is what an agent has elsewhere.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Sequence
from typing import Any

from kube_dns_conformance.agent.observations import Probe, Seen
from kube_dns_conformance.agent.prober import Prober
from kube_dns_conformance.chosen import Options
from kube_dns_conformance.clusters import engine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.dns import ask
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.run import Run
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import Ask, ThisProcess, Vantage
from tools import command
from tools.command import ToolsError
from tools.standing import own_cluster

NAMES = 200
SECONDS = 20.0
SPACE = "prober"
AGENT_AND_DNS = ("agent", "coredns")
"""In the names of Pods."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prober", description=__doc__)
    parser.add_argument("--kind", action="store_true", help="where kind works: python -m tools.on_kind python -m …")
    found = on_kind() if parser.parse_args().kind else on_embedded()
    print(json.dumps(found, indent=2))
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f}")


def on_embedded() -> dict[str, Any]:
    """What a process of its own sees."""
    with own_cluster("prober") as cluster:
        make(cluster, ThisProcess(2.0))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(measure, [questions(cluster)])


def on_kind() -> dict[str, Any]:
    """What one agent sees; it is asked for it all the time, as the suite does."""
    run = Run(Options(provider="kind", kind_image=os.environ.get("KDC_KIND_IMAGE", "")), Timings())
    try:
        make(run.cluster, run.vantage)
        apart = set_apart(run.cluster)
        asks = questions(run.cluster)
        probing = run.vantage.probe(probes(asks), Timings().slot)
        seen, until = [], time.monotonic() + SECONDS
        while time.monotonic() < until:
            seen += probing.take(Timings().slot)
        probing.stop()
        problems = {said.problem for _, said in seen} - {None}
        return told(asks, probing.slots, probing.missed, [one for one, _ in seen], problems) | {"cores": apart}
    finally:
        run.close()


def set_apart(cluster: Cluster) -> dict[str, list[int]]:
    """Let the agents' nodes have one core for themselves, and the others all others: which node has which.

    Raises ToolsError when it cannot be done; on a machine with one core there is nothing to do.
    """
    pods, _ = Kube(cluster.kubeconfig).list("v1", "Pod")
    of = {name: {one["spec"]["nodeName"] for one in pods if name in one["metadata"]["name"]} for name in AGENT_AND_DNS}
    if of["agent"] & of["coredns"]:
        raise ToolsError("DNS and an agent are on the same node")
    *others, last = sorted(os.sched_getaffinity(0))
    apart = {}
    for node in engine.nodes(cluster.name) if others else []:
        cores = [last] if engine.name(node) in of["agent"] else others
        move(node, cores)
        apart[engine.name(node)] = cores
    return apart


def move(node: str, cores: list[int]) -> None:
    """Let everything in a node run on these cores alone. What is started from now on is where its parent is."""
    inside, text = [engine.program(), "exec", "--interactive", node], ",".join(map(str, cores))
    pids = [one for one in command.run([*inside, "ls", "/proc"]).split() if one.isdecimal()]
    moving = [*inside, "xargs", "--max-args=1", "taskset", "-a", "-c", "-p", text]
    # Some have ended meanwhile. What must have been moved is that which lives as long as the node.
    done = subprocess.run(moving, input="\n".join(pids), text=True, capture_output=True, check=False)
    moved = done.stdout.count(f"new affinity list: {text}\n")
    is_at = command.run([*inside, "taskset", "-c", "-p", "1"]).rpartition(" ")[2].strip()
    if is_at != text or moved < len(pids) / 2:
        raise ToolsError(f"{engine.name(node)} could not be moved to core {text}: {done.stderr.strip()[-200:]}")


def make(cluster: Cluster, vantage: Vantage) -> None:
    """Services, and DNS that knows them."""
    kube = Kube(cluster.kubeconfig)
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    for at in range(NAMES):
        meta = {"name": f"s{at}", "namespace": SPACE}
        kube.apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 80}]}})
    last = Question(f"s{NAMES - 1}.{SPACE}.svc.{cluster.zone}.", "A")
    while not all(answer.records for answer in vantage.ask([(last, server, "udp") for server in cluster.dns])):
        time.sleep(0.1)


def questions(cluster: Cluster) -> list[Ask]:
    """All names, of each replica."""
    names = [Question(f"s{at}.{SPACE}.svc.{cluster.zone}.", "A") for at in range(NAMES)]
    return [(one, server, "udp") for one in names for server in cluster.dns if server.single]


def probes(asks: Sequence[Ask]) -> list[Probe]:
    """The same for a prober."""
    return [Probe(server.host, server.port, how, ask.message(one)) for one, server, how in asks]


def measure(asks: Sequence[Ask], seconds: float = SECONDS) -> dict[str, Any]:
    """What a prober saw in so many seconds, and what each question cost this process."""
    prober = Prober(probes(asks), Timings().slot, 2.0)
    began = time.process_time()
    prober.start()
    time.sleep(seconds)
    prober.stop()
    fast = time.process_time() - began
    seen = prober.take(0)
    problems = {prober.said[one.said].problem for one in seen} - {None}
    began = time.process_time()
    for _ in range(5):
        ask.ask_all(asks, 2.0)
    slow = (time.process_time() - began) / (5 * len(asks))
    return told(asks, prober.slots, prober.missed, seen, problems) | {
        "share of one core": round(fast / seconds, 2),
        "microseconds for a question": round(1e6 * fast / len(seen), 1),
        "the slow way": round(1e6 * slow, 1),
    }


def told(
    asks: Sequence[Ask], slots: int, missed: int, seen: Sequence[Seen], problems: Iterable[str | None]
) -> dict[str, Any]:
    """What a prober saw."""
    return {
        "questions in a slot": len(asks),
        "slots": slots,
        "missed": missed,
        "answers": len(seen),
        "not answered": sorted(map(str, problems)),
        "slowest answer, ms": round(1000 * max(one.seconds for one in seen), 1),
    }


if __name__ == "__main__":
    main()
