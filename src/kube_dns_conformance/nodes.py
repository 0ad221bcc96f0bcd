"""Taking Pods off a node, the way `kubectl drain` does, and losing a whole node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kube_dns_conformance.clusters import engine
from kube_dns_conformance.clusters.base import Capability
from kube_dns_conformance.cordon import cordon
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.interruptions import pod_of, replace_replica, replicas
from kube_dns_conformance.kube import Object
from kube_dns_conformance.run import Run
from kube_dns_conformance.signals import cleaning_up
from kube_dns_conformance.situations import Situation


@contextmanager
def drained(run: Run, situation: Situation, pod: str) -> Iterator[Callable[[], None]]:
    """Until the block ends no Pod is scheduled to the node that ``pod`` is on; what is yielded evicts this situation's.

    Only this situation's Pods go: what else is on the node is not ours, or is judged elsewhere. Raises ClusterError
    when somebody else keeps Pods off the node already.
    """
    node = situation.pod(pod)["spec"]["nodeName"]
    there = [one for one in situation.pods() if one["spec"].get("nodeName") == node]
    with _cordoned(run, situation, node):
        yield lambda: situation.evict_pods(*there)


@contextmanager
def _cordoned(run: Run, situation: Situation, node: str) -> Iterator[None]:
    run.ledger.will_cordon(node)
    try:
        cordon(situation.kube, node, run.id, run.timings.api)
        yield
    finally:
        with cleaning_up():
            run.ledger.uncordon(situation.kube, node)


@contextmanager
def lost(run: Run, situation: Situation, node: str) -> Iterator[tuple[Callable[[], None], Callable[[], None]]]:
    """Two functions, the first of which loses a node of a kind cluster: it is frozen, as when its machine hangs.

    The second brings it back, which the end of the block does at the latest.
    """

    def freeze() -> None:
        situation.note("Node", node, "is frozen")
        engine.pause(node)

    def go_on() -> None:
        situation.note("Node", node, "goes on")
        engine.unpause(node)

    run.ledger.will_freeze(node)
    try:
        yield freeze, go_on
    finally:
        with cleaning_up():
            go_on()
            run.ledger.goes_on(node)


def node_without_dns(run: Run, situation: Situation) -> str:
    """A node with Pods of this situation, but not all of them, and no DNS replica: their silence would be no lie.

    Where every such node has a replica, as after DNS was rolled out, one is cleared of them, if that is allowed.
    Raises ClusterError when there is none.
    """
    nodes = sorted({str(pod["spec"]["nodeName"]) for pod in situation.pods()})
    of_dns = {str(pod["spec"]["nodeName"]) for pod in _dns_pods(run, situation).values()}
    free = [one for one in nodes if one not in of_dns]
    if len(nodes) < 2:
        raise ClusterError(f"situation {situation.name}: one node has all its Pods")
    if not free and Capability.RESTART_DNS not in run.cluster.capabilities:
        raise ClusterError(f"situation {situation.name}: every node with its Pods has a DNS replica")
    if not free:
        _clear_of_dns(run, situation, nodes[0])
    return (free or nodes)[0]


def _clear_of_dns(run: Run, situation: Situation, node: str) -> None:
    with _cordoned(run, situation, node):
        for one, pod in _dns_pods(run, situation).items():
            if pod["spec"]["nodeName"] == node:
                replace_replica(run, situation, one)


def _dns_pods(run: Run, situation: Situation) -> dict[Server, Object]:
    return {one: pod_of(situation.kube, one) for one in replicas(run)}
