"""Scaling the Deployment that DNS runs in for a while, and never undoing what somebody else did to it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from kube_dns_conformance import oracle
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import RUN_LABEL, Kube, Object, tried_again

WAS = "kube-dns-conformance/replicas"
"""The annotation that says how many replicas there were before."""


class Deployment(NamedTuple):
    """Where it is, and what it is called."""

    namespace: str
    name: str


def deployment_of(kube: Kube, hosts: Collection[str]) -> Deployment | None:
    """The Deployment of all Pods with these addresses; None when there is none, or nobody may see it."""
    try:
        pods = [pod for pod in kube.list("v1", "Pod")[0] if any(ip["ip"] in hosts for ip in oracle.pod_ips(pod))]
        spaces = {pod["metadata"]["namespace"] for pod in pods}
        sets = [one for space in spaces for one in kube.list("apps/v1", "ReplicaSet", namespace=space)[0]]
    except ClusterError:
        return None
    of_sets = {(one["metadata"]["namespace"], one["metadata"]["name"]): _owner(one, "Deployment") for one in sets}
    found = {
        (pod["metadata"]["namespace"], of_sets.get((pod["metadata"]["namespace"], _owner(pod, "ReplicaSet")), ""))
        for pod in pods
    }
    if len(found) != 1 or not all(all(one) for one in found):
        return None
    return Deployment(*found.pop())


def replicas(kube: Kube, of: Deployment) -> int:
    """How many it shall have. Raises ClusterError when it is gone."""
    return int(_get(kube, of)["spec"]["replicas"])


def scale(kube: Kube, of: Deployment, run: str, number: int, within: float = 0.0) -> None:
    """Let it have ``number`` replicas, and mark that as done by ``run``, with the number before.

    Raises ClusterError when another run scales it already, or when it did not work ``within`` seconds.
    """

    def try_it() -> bool:
        found = _get(kube, of)
        marks = _marks(found)
        if marks.get(RUN_LABEL, run) != run:
            return False
        _change(kube, found, {RUN_LABEL: run, WAS: marks.get(WAS, str(found["spec"]["replicas"]))}, number)
        return True

    if not tried_again(try_it, within):
        raise ClusterError(f"Deployment {of.name} is scaled by another run")


def scale_back(kube: Kube, of: Deployment, run: str, within: float = 0.0) -> bool:
    """Undo `scale`. False when there is nothing that ``run`` did. Raises ClusterError when it did not work."""

    def try_it() -> bool:
        found = next(iter(_all(kube, of)), None)
        if found is None or _marks(found).get(RUN_LABEL) != run:
            return False
        _change(kube, found, {RUN_LABEL: None, WAS: None}, int(_marks(found)[WAS]))
        return True

    return tried_again(try_it, within)


def _owner(item: Object, kind: str) -> str:
    owners = item["metadata"].get("ownerReferences") or []
    return next((str(one["name"]) for one in owners if one["kind"] == kind), "")


def _all(kube: Kube, of: Deployment) -> list[Object]:
    found, _ = kube.list("apps/v1", "Deployment", namespace=of.namespace)
    return [one for one in found if one["metadata"]["name"] == of.name]


def _get(kube: Kube, of: Deployment) -> Object:
    for one in _all(kube, of):
        return one
    raise ClusterError(f"there is no Deployment {of.name} in namespace {of.namespace} any more")


def _marks(found: Object) -> dict[str, str]:
    return found["metadata"].get("annotations") or {}


def _change(kube: Kube, found: Object, marks: dict[str, str | None], number: int) -> None:
    """Marks and number are changed together, and only while the Deployment is as it was read."""
    meta = found["metadata"]
    names = {"name": meta["name"], "namespace": meta["namespace"]}
    item = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": names}
    change = {"resourceVersion": meta["resourceVersion"], "annotations": marks}
    kube.patch(item, {"metadata": change, "spec": {"replicas": number}})
