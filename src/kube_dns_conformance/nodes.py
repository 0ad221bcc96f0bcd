"""Taking Pods off a node, the way `kubectl drain` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.signals import cleaning_up
from kube_dns_conformance.situations import Situation


@contextmanager
def drained(situation: Situation, pod: str) -> Iterator[Callable[[], None]]:
    """Until the block ends no Pod is scheduled to the node that ``pod`` is on; what is yielded evicts this situation's.

    Only this situation's Pods go: what else is on the node is not ours, or is judged elsewhere.
    """
    node = situation.pod(pod)["spec"]["nodeName"]
    there = [one for one in situation.pods() if one["spec"].get("nodeName") == node]
    try:
        _cordon(situation.kube, node, unschedulable=True)
        yield lambda: situation.evict_pods(*there)
    finally:
        with cleaning_up():
            _cordon(situation.kube, node, unschedulable=False)


def _cordon(kube: Kube, node: str, *, unschedulable: bool) -> Object:
    item = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}}
    return kube.patch(item, {"spec": {"unschedulable": unschedulable or None}})
