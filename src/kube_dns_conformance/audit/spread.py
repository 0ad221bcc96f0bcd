"""An audit spread over its cluster: an Indexed Job, a share for each of its Pods, or a Pod on every node.

Kubernetes starts them, and again what was killed, evicted or lost with its node; what they find is in ConfigMaps.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from contextlib import suppress

import yaml

from kube_dns_conformance.audit.findings import Outcome
from kube_dns_conformance.audit.task import DATA, NAME, RESULT_LABEL, Task
from kube_dns_conformance.audit.together import of_nodes, of_shards, unpack
from kube_dns_conformance.audit.waiting import Waiting
from kube_dns_conformance.kube import RUN_LABEL, Kube, Object, tried_again
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.progress import step
from kube_dns_conformance.resources import folder


def namespace_of(run: str) -> str:
    """Where the Pods of a run's audit live."""
    return f"kdc-{run}-{NAME}"


def spread(kube: Kube, mirror: Mirror, task: Task, image: str) -> Outcome:
    """Make the Pods, wait for them, and return what they found together.

    ``mirror`` must follow what is labelled with the run. Raises ClusterError when there can be no Pods.
    """
    space = kube.create(_labelled(_space(task.namespace), task))
    for item in objects(task, image, space["metadata"]["uid"]):
        kube.create(item)  # not applied, for which whoever does it would need the right to change the roles of others
    with step("auditing from every node" if not task.shards else f"auditing in {task.shards} shards") as progress:
        waiting = Waiting(kube, mirror, task, progress)
        waiting.wait(waiting.job_is_over if task.shards else waiting.nodes_are_over)
    found = collect(kube, task)
    return _together(task, found, waiting.lost(set(found)))


def objects(task: Task, image: str, owner: str) -> list[Object]:
    """What is made in the namespace with the uid ``owner``; and what is of no namespace and goes with that one."""
    made = list(yaml.safe_load_all((folder("manifests") / "audit" / "shards.yaml").read_text()))
    *others, job = (_labelled(item, task) for item in made)
    reference = {"apiVersion": "v1", "kind": "Namespace", "name": task.namespace, "uid": owner}
    for item in others:
        for subject in item.get("subjects", ()):
            subject["namespace"] = task.namespace
        if item["kind"].startswith("Cluster"):
            item["metadata"] |= {"name": task.namespace, "ownerReferences": [reference]}
            item.get("roleRef", {})["name"] = task.namespace
        else:
            item["metadata"]["namespace"] = task.namespace
    told = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "task"},
        "data": {"task.json": task.as_text()},
    }
    job["spec"]["template"]["spec"]["containers"][0]["image"] = image
    job["spec"]["template"]["metadata"]["labels"][RUN_LABEL] = task.run
    job["spec"] |= {"completions": task.shards, "parallelism": task.shards}
    last = [_labelled(told, task), job if task.shards else _on_every_node(job)]
    for item in last:
        item["metadata"]["namespace"] = task.namespace
    return others + last


def _on_every_node(job: Object) -> Object:
    """The same Pods, on tainted nodes too."""
    template = job["spec"]["template"]
    template["spec"]["tolerations"] = [{"operator": "Exists"}]
    del template["spec"]["topologySpreadConstraints"], template["spec"]["restartPolicy"]
    selector = {"matchLabels": {"app": template["metadata"]["labels"]["app"]}}
    spec = {"selector": selector, "template": template}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": job["metadata"], "spec": spec}


def _space(name: str) -> Object:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _labelled(item: Object, task: Task) -> Object:
    item["metadata"].setdefault("labels", {})[RUN_LABEL] = task.run
    return item


def collect(kube: Kube, task: Task) -> dict[str, Outcome]:
    """What was found, by shard or node; of two Pods that left the same, one. Raises ClusterError."""
    options = {"namespace": task.namespace, "label_selector": RESULT_LABEL}
    found, _ = tried_again(lambda: kube.list("v1", "ConfigMap", **options), task.timings.api)
    pieces: dict[tuple[str, str], dict[int, bytes]] = {}
    counts: dict[tuple[str, str], int] = {}
    for one in found:
        left = json.loads(one["metadata"]["annotations"][RESULT_LABEL])
        who = (left["whose"], left["pod"])
        counts[who] = left["pieces"]
        pieces.setdefault(who, {})[left["piece"]] = base64.b64decode(one["binaryData"][DATA])
    outcomes = {}
    for who, some in pieces.items():
        with suppress(ValueError, OSError, EOFError, zlib.error):  # half of it is of a Pod's life before
            if len(some) == counts[who]:
                outcomes[who[0]] = unpack(b"".join(some[at] for at in sorted(some)))
    return outcomes


def _together(task: Task, found: dict[str, Outcome], lost: Mapping[str, str]) -> Outcome:
    outcome = of_shards(found.values()) if task.shards else of_nodes(found)
    outcome.incomplete += [f"{who} left nothing: {why}" for who, why in lost.items()]
    return outcome
