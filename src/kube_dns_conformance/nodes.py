"""Taking Pods off a node, the way `kubectl drain` does, and losing a whole node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kube_dns_conformance import oracle
from kube_dns_conformance.clusters import engine
from kube_dns_conformance.cordon import cordon
from kube_dns_conformance.errors import ClusterError
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
    run.will_cordon(node)
    try:
        cordon(situation.kube, node, run.id, run.timings.api)
        yield lambda: situation.evict_pods(*there)
    finally:
        with cleaning_up():
            run.uncordon(node)


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

    run.will_freeze(node)
    try:
        yield freeze, go_on
    finally:
        with cleaning_up():
            go_on()
            run.goes_on(node)


def node_without_dns(run: Run, situation: Situation) -> str:
    """A node with Pods of this situation, but not all of them, and no DNS replica: their silence would be no lie."""
    pods, _ = situation.kube.list("v1", "Pod")
    servers = {server.host for server in run.cluster.dns}
    of_dns = {pod["spec"].get("nodeName") for pod in pods if servers & {ip["ip"] for ip in oracle.pod_ips(pod)}}
    nodes = {pod["spec"]["nodeName"] for pod in situation.pods()}
    free = sorted(nodes - of_dns)
    if not free or len(nodes) < 2:
        raise ClusterError(
            f"situation {situation.name}: every node with its Pods has a DNS replica, or one has all Pods"
        )
    return str(free[0])
