"""How fast an audit asks, against dnsperf: ``python -m benchmarks.asking``.

Both ask the same questions of the same CoreDNS of an embedded cluster, in turns. dnsperf counts answers; an audit says
of each whether it is right. dnsperf is installed when missing, as root on Debian.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from cluster import many
from kube_dns_conformance.agent.flight import MOST_AT_ONCE
from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.audit.selection import promises_of, select
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import Step
from kube_dns_conformance.promises import Key, Promises
from kube_dns_conformance.vantage import ThisProcess
from tools import packages
from tools.standing import own_cluster

SERVICES = 2000
ROUNDS = 3
SECONDS = 2.0
DNSPERF = {"dnsperf": "dnsperf"}


def main() -> None:
    """Measure in turns, and print the medians and their ratio."""
    packages.need(DNSPERF, "what this benchmark compares with")
    with own_cluster("asking") as cluster:
        many.make(cluster.kubeconfig, "many", SERVICES)
        promises, keys = promised(cluster, ["many"])
        found = [(ours(cluster.dns[0], promises, keys), theirs(cluster.dns[0], keys)) for _ in range(ROUNDS)]
    mine, other = (statistics.median(column) for column in zip(*found, strict=True))
    told = {"questions": len(keys), "ours a second": round(mine), "dnsperf a second": round(other)}
    print(json.dumps(told | {"ratio": round(mine / other, 2), "rounds": found}, indent=2))
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f}")


def promised(cluster: Cluster, namespaces: Collection[str]) -> tuple[Promises, list[Key]]:
    """What is asked, and what must come: of these namespaces, or of all when none is named."""
    live = Live(Kube(cluster.kubeconfig), 10.0, Step("reading"))
    try:
        promises = promises_of(live, cluster.zone)
        keys = select(live, promises, cluster.zone, namespaces, 0).keys
    finally:
        live.close()
    return promises, [key for key in keys if promises[key].section != "2.6"]  # the records of Pods are not served


def ours(server: Server, promises: Promises, keys: list[Key]) -> float:
    """Questions a second. Raises AssertionError when something is wrong: then it is no measure."""
    checks = Checks(ThisProcess(SECONDS), [server], 0)
    began = time.perf_counter()
    wrong = checks.round(promises, keys)
    seconds = time.perf_counter() - began
    assert not wrong, next(iter(wrong.items()))
    return round(checks.asked / seconds, 1)


def theirs(server: Server, keys: list[Key]) -> float:
    """Questions a second of dnsperf, with as many on their way, and EDNS as well."""
    with tempfile.TemporaryDirectory(prefix="kdc-") as folder:
        questions = Path(folder) / "questions"
        questions.write_text("".join(f"{key.name} {key.rdtype}\n" for key in keys))
        where = ["-s", server.host, "-p", str(server.port), "-d", str(questions), "-e", "-b", "4096"]
        command = ["dnsperf", *where, "-n", "1", "-c", "1", "-T", "1", "-q", str(MOST_AT_ONCE)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    match = re.search(r"Queries per second:\s+([\d.]+)", said)
    assert match, said
    return round(float(match[1]), 1)


if __name__ == "__main__":
    main()
