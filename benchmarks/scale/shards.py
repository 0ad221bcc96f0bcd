"""An audit in shards, as its Pods do it, each a process of this machine: on an embedded cluster no Pod runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import peak
from kube_dns_conformance.audit.findings import Outcome
from kube_dns_conformance.audit.spread import collect
from kube_dns_conformance.audit.task import Task
from kube_dns_conformance.audit.together import of_shards
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.timings import Timings

SPACE = "shards"


def audit(cluster: Cluster, server: Server, shards: int) -> tuple[dict[str, Any], Outcome]:
    """Seconds until the last is done, and the most memory that one of them took; and what they found."""
    kube = Kube(cluster.kubeconfig)
    task = Task("bench", f"{SPACE}-{time.monotonic_ns()}", cluster.zone, (server,), (), 0.0, Timings(), (), shards)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": task.namespace}}
    kube.apply(space)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "task.json"
            path.write_text(task.as_text())
            began = time.monotonic()
            running = [_start(path, cluster.kubeconfig, index) for index in range(shards)]
            assert [one.wait() for one in running] == [0] * shards
            seconds = time.monotonic() - began
            peaks = [int(_used(path, index).read_text().split()[0]) for index in range(shards)]
        return {"seconds": round(seconds, 1), "MiB": max(peaks)}, of_shards(collect(kube, task).values())
    finally:
        kube.delete(space)


def _start(task: Path, kubeconfig: Path, index: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "KUBECONFIG": str(kubeconfig),
        "JOB_COMPLETION_INDEX": str(index),
        "POD_NAME": f"audit-{index}",
        "NODE_NAME": "here",
    }
    command = [sys.executable, "-m", "kube_dns_conformance.audit.shard", str(task)]
    command = peak.measured(str(_used(task, index)), command)
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _used(task: Path, index: int) -> Path:
    return task.with_name(f"used-{index}")
