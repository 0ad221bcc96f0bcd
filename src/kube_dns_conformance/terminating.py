"""Namespaces that were deleted and do not go: what Kubernetes' namespace controller says is in their way."""

from __future__ import annotations

from collections.abc import Iterable

from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object

OBSTACLES = ("NamespaceFinalizersRemaining", "NamespaceDeletionDiscoveryFailure")
"""The conditions of a namespace that name what somebody else has to do; the others are true of all for a while."""


def hanging(namespaces: Iterable[str], kube: Kube) -> list[str]:
    """A line for each deleted namespace that waits for somebody: a finalizer, or an API that does not answer.

    One look, now: the namespace controller begins with a namespace five seconds after it was deleted, and nobody should
    wait for that. Of a namespace that it did not come to, nothing is known and nothing said.
    """
    obstacles = {name: _obstacle(_conditions(name, kube)) for name in namespaces}
    return [f"namespace {name} is still terminating: {why}" for name, why in obstacles.items() if why]


def _conditions(namespace: str, kube: Kube) -> list[Object]:
    """What is said of a namespace: nothing when it is gone, or as long as the controller has not looked."""
    try:
        return list(kube.get("v1", "Namespace", namespace).get("status", {}).get("conditions") or [])
    except (NotFoundError, ClusterError):
        return []


def _obstacle(conditions: list[Object]) -> str:
    true = [one for one in conditions if one["status"] == "True" and one["type"] in OBSTACLES]
    return "; ".join(str(one["message"]).rstrip(".") for one in true)
