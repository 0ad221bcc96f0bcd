"""One Pod of a spread audit, ``python -m kube_dns_conformance.audit.shard TASK``: does its share of the task in that
file, and leaves what it found in ConfigMaps. Should it end before that, another one does the share anew."""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

from kube_dns_conformance.audit import task as tasks
from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.audit.findings import Outcome
from kube_dns_conformance.audit.part import Part, audit_part
from kube_dns_conformance.audit.reach import insist_answering
from kube_dns_conformance.audit.share import ALL, Share
from kube_dns_conformance.audit.task import DATA, PIECE_BYTES, RESULT_LABEL, Task
from kube_dns_conformance.audit.together import pack
from kube_dns_conformance.clusters import existing
from kube_dns_conformance.ending import status_of
from kube_dns_conformance.kube import RUN_LABEL, Kube, Object, tried_again
from kube_dns_conformance.vantage import ThisProcess

DONE = Path("/tmp/done")  # noqa: S108 - of the Pod alone


def main() -> None:
    """The task's share, by its index when there are shards, else all of it; a Pod of a DaemonSet then stays."""
    task = tasks.read(Path(sys.argv[1]))
    if DONE.exists():  # its container was started again
        signal.pause()
    kube = Kube(existing.kubeconfig_file())
    pod, node = os.environ["POD_NAME"], os.environ["NODE_NAME"]
    share = Share(int(os.environ["JOB_COMPLETION_INDEX"]), task.shards) if task.shards else ALL
    outcome = look(task, kube, share, f"a Pod on node {node}")
    for item in results(task, pod, str(share.index) if task.shards else node, outcome):
        tried_again(partial(kube.apply, item), task.timings.api)
    if not task.shards:
        DONE.touch()
        signal.pause()


def look(task: Task, kube: Kube, share: Share, vantage: str) -> Outcome:
    """Audit the share. Raises ClusterError, UsageError."""
    checks = Checks(ThisProcess(task.timings.answer, vantage), task.servers, task.rate)
    insist_answering(checks, task.zone, task.timings)
    return audit_part(kube, checks, task.zone, task.timings, Part(task.namespaces, share=share, served=task.served))


def results(task: Task, pod: str, whose: str, outcome: Outcome) -> list[Object]:
    """ConfigMaps with the outcome in pieces. Their names are the Pod's own: another one may be about the same."""
    packed = pack(outcome)
    pieces = [packed[at : at + PIECE_BYTES] for at in range(0, len(packed), PIECE_BYTES)]
    said = {"whose": whose, "pod": pod, "pieces": len(pieces)}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"{pod}-{at}",
                "namespace": task.namespace,
                "labels": {RUN_LABEL: task.run, RESULT_LABEL: "left"},
                "annotations": {RESULT_LABEL: json.dumps(said | {"piece": at})},
            },
            "binaryData": {DATA: base64.b64encode(piece).decode()},
        }
        for at, piece in enumerate(pieces)
    ]


if __name__ == "__main__":
    sys.exit(status_of(main))
