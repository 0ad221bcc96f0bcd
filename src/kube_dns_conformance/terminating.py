"""Namespaces that were deleted and do not go: what Kubernetes' namespace controller says is in their way."""

from __future__ import annotations

import time
from collections.abc import Iterable

from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object

POLL_SECONDS = 0.1
OBSTACLES = ("NamespaceFinalizersRemaining", "NamespaceDeletionDiscoveryFailure")
"""The conditions of a namespace that name what somebody else has to do; the others are true of all for a while."""


def hanging(namespaces: Iterable[str], kube: Kube, within: float) -> list[str]:
    """A line for each deleted namespace that waits for somebody: a finalizer, or an API that does not answer.

    The namespace controller says so as soon as it has looked at a namespace once. ``within`` is how many seconds it may
    take for all of them; of those that it did not come to nothing is known, and nothing said.
    """
    deadline = time.monotonic() + within
    looked = {name: _conditions(name, kube) for name in namespaces}
    while [] in looked.values() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        looked |= {name: _conditions(name, kube) for name, said in looked.items() if said == []}
    obstacles = {name: _obstacle(said) for name, said in looked.items()}
    return [f"namespace {name} is still terminating: {why}" for name, why in obstacles.items() if why]


def _conditions(namespace: str, kube: Kube) -> list[Object] | None:
    """What is said of a namespace, nothing as long as the controller has not looked; None when it is gone."""
    try:
        return list(kube.get("v1", "Namespace", namespace).get("status", {}).get("conditions") or [])
    except (NotFoundError, ClusterError):
        return None


def _obstacle(conditions: list[Object] | None) -> str:
    true = [one for one in conditions or [] if one["status"] == "True" and one["type"] in OBSTACLES]
    return "; ".join(str(one["message"]).rstrip(".") for one in true)
