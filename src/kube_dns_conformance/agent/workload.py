"""The agent's objects in the cluster: made, watched until one answers, and found again by the label of the run."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import yaml

from kube_dns_conformance import oracle
from kube_dns_conformance.agent.proxy import Agent, Agents
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import RUN_LABEL, Kube, Object
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.progress import console
from kube_dns_conformance.resources import PACKAGE, folder
from kube_dns_conformance.timings import Timings

NAME = "agent"
MODULES = (
    "alike",
    "batch",
    "connect",
    "exchange",
    "flight",
    "held",
    "kept",
    "observations",
    "prober",
    "probes",
    "resolver",
    "server",
    "talks",
)
KEPT = "/kept"
FILES = tuple(f"agent/{name}.py" for name in MODULES)
IMAGE_HINT = "--agent-image names another one, --image-registry a mirror"
NOT_PULLED = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
NOT_STARTED = ("CrashLoopBackOff", "CreateContainerError", "CreateContainerConfigError", "RunContainerError")


def deploy(
    kube: Kube, mirror: Mirror, run: str, image: str, token: str, timings: Timings, *, every_node: bool = False
) -> Agents:
    """Make the agents in a namespace of their own, and wait until all are ready, or one is and the others failed.

    There are two, or with ``every_node`` one on each node that is ready; where one does not come in time, it is said,
    and the others ask. ``mirror`` must follow the objects labelled with ``run``. Raises ClusterError, which makes every
    verdict *unknown*, as soon as it is clear that there will be none.
    """
    namespace = namespace_of(run)
    *others, deployment = objects(namespace, run, image, token)
    for item in [*others, on_every_node(deployment) if every_node else deployment]:
        kube.apply(item)
    nodes = kube.list("v1", "Node")[0] if every_node else []
    there = {node["metadata"]["name"] for node in nodes if oracle.has_condition(node, "Ready")}
    wanted = len(there) if every_node else deployment["spec"]["replicas"]
    agents = find(kube, mirror, run, token, timings)
    try:
        probe = partial(_ready_or_failed, mirror, namespace, wanted, there)
        mirror.wait(probe, timings.settle, "no agent Pod became ready")
    except ClusterError as error:
        if not (every_node and agents.ready()):
            raise with_reason(error, mirror.objects("Pod", namespace)) from error
    for name in sorted({node["metadata"]["name"] for node in nodes} - {agent.node for agent in agents.ready()}):
        console.print(f"no agent is ready on node {name}", markup=False)
    return agents


def find(kube: Kube, mirror: Mirror, run: str, token: str, timings: Timings) -> Agents:
    """The agents that a run has made, those that are ready at any time."""
    namespace = namespace_of(run)

    def ready() -> Sequence[Agent]:
        return [
            Agent(kube.api, namespace, pod["metadata"]["name"], token, pod["spec"].get("nodeName", ""))
            for pod in mirror.objects("Pod", namespace)
            if oracle.is_ready(pod)
        ]

    return Agents(ready, timings.api)


def namespace_of(run: str) -> str:
    """Where the agents of a run live."""
    return f"kdc-{run}-{NAME}"


def objects(namespace: str, run: str, image: str, token: str) -> list[Object]:
    """Everything the agents need, in the order of making it."""
    deployment = _deployment()
    deployment["spec"]["template"]["spec"] = pod_spec(template(), image)
    space_labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": space_labels}}
    items = [space, *code_and_token(token), deployment]
    for item in items:
        _label(item, run)
        if item is not space:
            item["metadata"]["namespace"] = namespace
    _label(deployment["spec"]["template"], run)
    return items


def code_and_token(token: str) -> list[Object]:
    """What an agent's Pod mounts and reads, in the same namespace."""
    code = {_key(file): (PACKAGE / file).read_text() for file in FILES}
    return [_named("ConfigMap", data=code), _named("Secret", stringData={"token": token})]


def template() -> Object:
    """The Pod of an agent as in the manifest, without image and code."""
    return dict(_deployment()["spec"]["template"]["spec"])


def _deployment() -> Object:
    return dict(yaml.safe_load((folder("manifests") / "agent" / "agent.yaml").read_text()))


def pod_spec(template: Object, image: str) -> Object:
    """The template with this image, and the code mounted as the package that it is."""
    spec: dict[str, Any] = copy.deepcopy(template)
    spec["containers"][0]["image"] = image
    paths = [{"key": _key(file), "path": str(PurePosixPath(PACKAGE.name) / file)} for file in FILES]
    spec["volumes"][0]["configMap"]["items"] = paths
    return spec


def on_every_node(deployment: Object) -> Object:
    """The same Pods as a DaemonSet, for what has to be asked from each node; tainted nodes too.

    What they see outlives their container. Others have no such volume: a drain refuses to delete a Pod with one.
    """
    made = copy.deepcopy(deployment)
    made["kind"] = "DaemonSet"
    spec = made["spec"]["template"]["spec"]
    del made["spec"]["replicas"], spec["topologySpreadConstraints"]
    spec["tolerations"] = [{"operator": "Exists"}]
    spec["volumes"].append({"name": "kept", "emptyDir": {}})
    (container,) = spec["containers"]
    container["volumeMounts"].append({"name": "kept", "mountPath": KEPT})
    container["env"].append({"name": "KDC_KEPT", "value": KEPT})
    return dict(made)


def _ready_or_failed(mirror: Mirror, namespace: str, wanted: int, nodes: Collection[str]) -> bool | None:
    """Of ``wanted`` Pods; where each of ``nodes`` shall have one, others do not count."""
    pods = [one for one in mirror.objects("Pod", namespace) if not nodes or one["spec"].get("nodeName") in nodes]
    if len(pods) < wanted:
        return None
    ready = [pod for pod in pods if oracle.is_ready(pod)]
    failed = [why for pod in pods if (why := failure(pod, "the agent", IMAGE_HINT))]
    if failed and len(failed) == len(pods):
        raise failed[0]
    return (bool(ready) and len(ready) + len(failed) == len(pods)) or None


def failure(pod: Object, whose: str, hint: str) -> ClusterError | None:
    """What keeps the container of ``whose`` Pod from ever starting; ``hint`` is how to get its image."""
    for status in pod.get("status", {}).get("containerStatuses", []):
        waiting = status.get("state", {}).get("waiting", {})
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in NOT_PULLED:
            return ClusterError(f"the image {status['image']} of {whose} cannot be pulled: {message or reason}", hint)
        if reason in NOT_STARTED:
            return ClusterError(f"the container of {whose} does not start with image {status['image']}: {message}")
    return None


def with_reason(error: ClusterError, pods: Sequence[Object]) -> ClusterError:
    """Quote the scheduler, the one reason to wait in vain that a container's status does not show."""
    conditions = [one for pod in pods for one in pod.get("status", {}).get("conditions", [])]
    why = [one["message"] for one in conditions if one["type"] == "PodScheduled" and one["status"] == "False"]
    return ClusterError(f"{error.message}: {why[0]}", error.hint) if why else error


def _named(kind: str, **content: object) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": NAME}, **content}


def _label(item: Object, run: str) -> None:
    item["metadata"].setdefault("labels", {})[RUN_LABEL] = run


def _key(file: str) -> str:
    return PurePosixPath(file).name
