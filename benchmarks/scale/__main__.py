"""Measures an audit on one cluster that grows, in turns with dnsperf, and plants lies in the largest: medians of three.

Each audit is the command itself, in a process of its own, so that its peak memory is its own too. dnsperf is installed
when missing, as root on Debian.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benchmarks import peak, prober
from benchmarks.asking import DNSPERF, promised, theirs
from benchmarks.scale import lies, plot, shards, world
from benchmarks.scale.table import RESULTS
from kube_dns_conformance.clusters import coredns, ports
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.dns.ask import ask
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.promises import Key
from kube_dns_conformance.toolchain import Toolchain
from tools import packages
from tools.standing import own_cluster

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
CURVES = Path(__file__).parents[2] / "docs" / "scale.svg"
COUNTED = {"services", "endpointslices", "pods"}
VERBS = {"LIST", "WATCH"}
ROUNDS = 3
PODS = 10_000
PARTS = ("reading", "asking")
SHARDS = (1, 2)
PROBER_SECONDS = 5.0

Row = dict[str, Any]


def main() -> int:
    """Measure, and write the results and the plot; 1 when the lies are not found, or something else is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--endpoints", nargs="+", type=int, default=SIZES, help=f"default: {SIZES}; keeps no results")
    sizes = parser.parse_args().endpoints
    packages.need(DNSPERF, "what this benchmark compares with")
    with own_cluster("scale") as cluster:
        rows = []
        for before, size in zip((0, *sizes), sizes, strict=False):
            rows.append(measured(cluster, before, size))
            print(json.dumps(rows[-1]), flush=True)
        found = searched(cluster, sizes[-1])
    print(json.dumps(found), flush=True)
    pods = with_pods()
    print(json.dumps(pods), flush=True)
    results = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "rows": rows,
        "exponents": {what: exponent(rows, what) for what in ("seconds", "MiB")} if tuple(sizes) == SIZES else {},
        "lies": found,
        "pods": pods,
    }
    print(json.dumps(results["exponents"]), flush=True)
    if tuple(sizes) == SIZES:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        plot.draw(results, CURVES)
    return 0 if found["planted"] == found["found"] and not found["else"] else 1


def measured(cluster: Cluster, before: int, size: int) -> Row:
    """What an audit of a cluster of so many endpoints takes."""
    began = time.monotonic()
    world.grow(cluster.kubeconfig, before, size)
    wait_known(cluster.dns[0], size, cluster.zone)
    made = time.monotonic() - began
    kube = Kube(cluster.kubeconfig)
    audits, rates = [], []
    _, keys = promised(cluster, ())
    for _ in range(ROUNDS):
        requests = counted(kube)
        audits.append(audit(cluster, cluster.dns[0]) | {"requests": counted(kube) - requests})
        rates.append(theirs(cluster.dns[0], keys))
    assert {one["outcome"] for one in audits} == {"conformant"}, audits
    asked = sum(audits[0]["names"].values())
    typical = sorted(audits, key=lambda one: float(one["seconds"]))[ROUNDS // 2]
    told = {name: typical[name] for name in ("questions", "seconds", "MiB", "processor seconds", "requests")}
    ours = [one["questions"] / one["parts"]["asking"] for one in audits]
    return {"endpoints": size, "services": 2 * size // world.PER_SERVICE} | told | {
        "parts": typical["parts"],
        "questions a second": round(statistics.median(ours)),
        "dnsperf a second": round(statistics.median(rates)),
        "ratio": round(statistics.median(mine / other for mine, other in zip(ours, rates, strict=True)), 2),
        "shards": {str(count): in_shards(cluster, count, asked) for count in SHARDS},
        "oracle seconds": oracle_alone(size),
        "missed slots": missed(cluster, keys),
        "seconds to make it": round(made),
    }  # fmt: skip


def in_shards(cluster: Cluster, count: int, asked: int) -> Row:
    """The same audit by several, each a process of its own: the median of three."""
    rounds = []
    for _ in range(ROUNDS):
        row, outcome = shards.audit(cluster, cluster.dns[0], count)
        assert (outcome.word(), sum(outcome.asked.values())) == ("conformant", asked)
        rounds.append(row)
    return sorted(rounds, key=lambda one: float(one["seconds"]))[ROUNDS // 2]


def oracle_alone(size: int) -> float:
    """Seconds, the best of three, each a process of its own."""
    command = [sys.executable, "-m", "benchmarks.oracle", str(size)]
    rounds = [subprocess.run(command, check=True, capture_output=True).stdout for _ in range(ROUNDS)]
    return min(float(json.loads(one)["seconds"]) for one in rounds)


def missed(cluster: Cluster, keys: Sequence[Key]) -> str:
    """Of how many slots a prober that asks 200 names of each replica 20 times a second misses some."""
    names = [Question(*key) for key in keys if key.rdtype == "A"][: prober.NAMES]
    asks = [(one, server, "udp") for one in names for server in cluster.dns]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(prober.measure, [asks, PROBER_SECONDS])
    return f"{found['missed']} of {found['slots']}"


def audit(cluster: Cluster, server: Server) -> Row:
    """One audit of all that there is, as fast as the server answers; its seconds and peak memory, and its findings."""
    where = [f"--kubeconfig={cluster.kubeconfig}", f"--dns-server={server.host}:{server.port}"]
    command = [sys.executable, "-m", "kube_dns_conformance", "audit", *where, "--max-qps=0", "--json"]
    with tempfile.NamedTemporaryFile("r") as used:
        began = time.monotonic()
        done = subprocess.run(peak.measured(used.name, command), capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        assert done.returncode in (0, 1), f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
        mebibytes, processor = used.read().split()
    found = json.loads(done.stdout)
    return {
        "outcome": found["outcome"],
        "differences": [(one["name"], one["type"]) for one in found["differences"]],
        "unknown": found["unknown"],
        "questions": found["questions"],
        "names": {f"{one['section']} {one['type']}": one["names"] for one in found["records"]},
        "parts": found["seconds_spent"],
        "seconds": round(seconds, 1),
        "MiB": int(mebibytes),
        "processor seconds": float(processor),
    }


def with_pods() -> Row:
    """What Pods cost an audit: they are read for the records that they have by their addresses."""
    with own_cluster("pods") as cluster:
        without = audit(cluster, cluster.dns[0])
        world.add_pods(cluster.kubeconfig, PODS)
        found = audit(cluster, cluster.dns[0])
    assert found["outcome"] == "conformant", found
    more = {
        "pods": PODS,
        "questions": found["questions"] - without["questions"],
        "MiB": found["MiB"] - without["MiB"],
        "seconds": round(found["seconds"] - without["seconds"], 1),
    }
    return more | {f"seconds {part}": round(found["parts"][part] - without["parts"][part], 2) for part in PARTS}


def searched(cluster: Cluster, size: int) -> Row:
    """An audit of a server that lies about twenty records of that cluster."""
    wrong = lies.planted(size, cluster.zone)
    with lying(cluster, wrong) as server:
        wait_known(server, size, cluster.zone)
        found = audit(cluster, server)
    told, planted = set(found["differences"]), {one[:2] for one in wrong}
    return {
        "endpoints": size,
        "planted": len(planted),
        "found": len(planted & told),
        "else": sorted(map(str, told - planted)) + sorted(found["unknown"]),
        "seconds": found["seconds"],
        "parts": found["parts"],
    }


@contextmanager
def lying(cluster: Cluster, wrong: list[lies.Lie]) -> Iterator[Server]:
    """One more CoreDNS of that cluster."""
    host = cluster.dns[0].host
    with ports.Reserved() as reserved:
        server = Server("lying", host, reserved.free(1, host)[0], single=True)
        template = lies.corefile(coredns.ours(), wrong)
        text = coredns.configuration(cluster.kubeconfig, cluster.zone, server, reserved, template)
        binary = Toolchain().need("coredns")["coredns"]
        replica = coredns.start(cluster.kubeconfig.parent, binary, server, text)
    try:
        yield server
    finally:
        replica.process.terminate()
        replica.process.wait()


def wait_known(server: Server, size: int, zone: str) -> None:
    """Wait until a server knows what was made last."""
    last = size // world.PER_SERVICE - 1
    name = f"db-{last}.{world.space(last)}.svc.{zone}."
    while len(ask(Question(name, "A"), server, timeout=1.0).records) != world.PER_SERVICE:
        time.sleep(0.1)


def counted(kube: Kube) -> int:
    """How many lists and watches of what an audit reads the API server has answered, by its own account."""
    families = text_string_to_metric_families(kube.read("/metrics"))
    samples = (one for family in families if family.name == "apiserver_request" for one in family.samples)
    return int(
        sum(
            one.value
            for one in samples
            if one.name == "apiserver_request_total"
            and one.labels["resource"] in COUNTED
            and one.labels["verb"] in VERBS
        )
    )


def exponent(rows: Sequence[Row], what: str) -> float:
    """With which power of the endpoints it grows in the last decade: the slope of the line through the logarithms."""
    last = [one for one in rows if one["endpoints"] >= rows[-1]["endpoints"] / 10]
    endpoints, values = ([math.log(one[name]) for one in last] for name in ("endpoints", what))
    return round(statistics.linear_regression(endpoints, values).slope, 2)


if __name__ == "__main__":
    sys.exit(main())
