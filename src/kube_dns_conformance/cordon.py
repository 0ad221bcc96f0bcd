"""Keeping Pods off a node for a while, and never undoing what somebody else did to it."""

from __future__ import annotations

from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import RUN_LABEL, Kube, Object, tried_again


def cordon(kube: Kube, node: str, run: str, within: float) -> None:
    """Let no more Pods be scheduled to ``node``, and mark that as done by ``run``.

    Raises ClusterError when somebody else keeps Pods off it already, or when it did not work ``within`` seconds.
    """

    def try_it() -> bool:
        found = kube.get("v1", "Node", node)
        if found.get("spec", {}).get("unschedulable"):
            return _is_marked(found, run)  # an earlier try worked, and its answer was lost
        _change(kube, found, run, unschedulable=True)
        return True

    if not tried_again(try_it, within):
        raise ClusterError(f"node {node} is unschedulable already: somebody else keeps Pods off it")


def uncordon(kube: Kube, node: str, run: str, within: float = 0.0) -> bool:
    """Undo `cordon`. False when there is nothing that ``run`` did. Raises ClusterError when it did not work."""

    def try_it() -> bool:
        try:
            found = kube.get("v1", "Node", node)
        except NotFoundError:
            return False
        if not _is_marked(found, run):
            return False
        _change(kube, found, None, unschedulable=None)
        return True

    return tried_again(try_it, within)


def _is_marked(node: Object, run: str) -> bool:
    return bool(node["metadata"].get("annotations", {}).get(RUN_LABEL) == run)


def _change(kube: Kube, node: Object, mark: str | None, *, unschedulable: bool | None) -> None:
    """Mark and cordon are changed together, and only while the node is as it was read."""
    name, version = node["metadata"]["name"], node["metadata"]["resourceVersion"]
    meta = {"resourceVersion": version, "annotations": {RUN_LABEL: mark}}
    item = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    kube.patch(item, {"metadata": meta, "spec": {"unschedulable": unschedulable}})
