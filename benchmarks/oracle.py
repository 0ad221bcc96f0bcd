"""How long the oracle takes: ``python -m benchmarks.oracle``.

The worst that a cluster has: all Services headless, each endpoint with a hostname, two named ports. Each size is a
process of its own, so that its peak memory, with the objects in it, is its own too.
"""

from __future__ import annotations

import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
from typing import Any

from kube_dns_conformance.promises import expected

SIZES = (1_000, 10_000, 100_000)
PER_SERVICE = 10
PORTS = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]


def world(endpoints: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Services and EndpointSlices."""
    services, slices = [], []
    for at in range(endpoints // PER_SERVICE):
        meta = {"name": f"s{at}", "namespace": "shop"}
        services.append({"metadata": meta, "spec": {"clusterIP": "None", "ports": PORTS}})
        some = [
            {
                "addresses": [f"10.{at // 2500}.{at // 10 % 250}.{at % 10 * 25 + one}"],
                "hostname": f"p-{one}",
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": f"s{at}-{one}"},
            }
            for one in range(PER_SERVICE)
        ]
        labels = {"kubernetes.io/service-name": f"s{at}"}
        slices.append(
            {
                "metadata": {"name": f"s{at}-x", "namespace": "shop", "labels": labels},
                "addressType": "IPv4",
                "ports": PORTS,
                "endpoints": some,
            }
        )
    return services, slices


def measure(endpoints: int) -> dict[str, float]:
    """Seconds, and peak memory in MiB."""
    services, slices = world(endpoints)
    began = time.perf_counter()
    promises = expected(services, slices, [], "cluster.local")
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    return {"endpoints": endpoints, "seconds": round(seconds, 3), "MiB": round(peak), "names and types": len(promises)}


def main() -> None:
    """Measure every size, best of three, and fit the exponent."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    rows = []
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.oracle", str(size)]
        rounds = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(3)]
        rows.append(min(rounds, key=lambda one: float(one["seconds"])))
        print(rows[-1], flush=True)
    spread = math.log(rows[-1]["endpoints"] / rows[0]["endpoints"])
    exponent = math.log(rows[-1]["seconds"] / rows[0]["seconds"]) / spread
    print(f"seconds grow with the power {exponent:.2f} of the endpoints")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
