"""Whether a prober keeps its pace: ``python -m benchmarks.prober``.

Asks 200 names of both CoreDNS replicas of an embedded cluster 20 times a second over UDP, in a process of its own, and
beside that, in the same run, the same number of questions the slow way: one exchange after the other through dnspython.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import time
from typing import Any

from kube_dns_conformance.agent.observations import Probe
from kube_dns_conformance.agent.prober import Prober
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.dns import ask
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.timings import Timings
from tools.standing import own_cluster

NAMES = 200
SECONDS = 20.0
SPACE = "prober"


def main() -> None:
    """Measure and print."""
    with own_cluster("prober") as cluster:
        make(cluster)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measure, [cluster])
    print(json.dumps(found, indent=2))
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f}")


def make(cluster: Cluster) -> None:
    """Services, and DNS that knows them."""
    kube = Kube(cluster.kubeconfig)
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    for at in range(NAMES):
        meta = {"name": f"s{at}", "namespace": SPACE}
        kube.apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 80}]}})
    last = Question(f"s{NAMES - 1}.{SPACE}.svc.{cluster.zone}.", "A")
    while not all(ask.ask(last, server, timeout=2.0).records for server in cluster.dns):
        time.sleep(0.1)


def measure(cluster: Cluster) -> dict[str, Any]:
    """What a prober saw in so many seconds, and what each question cost this process."""
    questions = [Question(f"s{at}.{SPACE}.svc.{cluster.zone}.", "A") for at in range(NAMES)]
    asks = [(one, server) for one in questions for server in cluster.dns]
    prober = Prober(
        [Probe(server.host, server.port, "udp", ask.message(one)) for one, server in asks], Timings().slot, 2.0
    )
    began = time.process_time()
    prober.start()
    time.sleep(SECONDS)
    prober.stop()
    fast = time.process_time() - began
    seen = prober.take(0)
    problems = {prober.said[one.said].problem for one in seen} - {None}
    began = time.process_time()
    batch = [(one, server, "udp") for one, server in asks]
    for _ in range(5):
        ask.ask_all(batch, 2.0)  # type: ignore[arg-type]
    slow = (time.process_time() - began) / (5 * len(batch))
    return {
        "questions in a slot": len(asks),
        "slots": prober.slots,
        "missed": prober.missed,
        "answers": len(seen),
        "not answered": sorted(map(str, problems)),
        "slowest answer, ms": round(1000 * max(one.seconds for one in seen), 1),
        "share of one core": round(fast / SECONDS, 2),
        "microseconds for a question": round(1e6 * fast / len(seen), 1),
        "the slow way": round(1e6 * slow, 1),
    }


if __name__ == "__main__":
    main()
