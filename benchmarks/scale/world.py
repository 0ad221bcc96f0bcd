"""Services and endpoints by the thousand, on the API server of an embedded cluster.

Of each two Services one is headless with ten endpoints and two named ports, by turns with hostnames, as of a
StatefulSet, and without, as of a Deployment; the other has a ClusterIP. The EndpointSlices are made here: an audit sees
no difference, and so many Pods would take the scheduler most of an hour.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from pathlib import Path

from cluster import many
from kube_dns_conformance.kube import Kube, Object
from objects import endpoint, endpoint_slice, headless, service

PER_SERVICE = 10
SPACES = 10
FIRST_ADDRESS = ipaddress.IPv4Address("10.128.0.0")


def grow(kubeconfig: Path, before: int, after: int) -> None:
    """Make what a cluster of ``after`` endpoints has more than one of ``before``."""
    kube = Kube(kubeconfig)
    for at in range(SPACES):
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"space-{at}"}})
    many.send(kube, map(many.applicable, objects(before, after)))


def add_pods(kubeconfig: Path, count: int) -> None:
    """So many Pods, put on nodes by hand, and each with the address that KWOK gives it."""
    kube = Kube(kubeconfig)
    nodes = [one["metadata"]["name"] for one in kube.list("v1", "Node")[0]]
    many.send(kube, (_pod(at, nodes[at % len(nodes)]) for at in range(count)))
    while sum("podIP" in one["status"] for items, _ in kube.pages("v1", "Pod") for one in items) < count:
        time.sleep(1)


def objects(before: int, after: int) -> Iterator[Object]:
    """As the API server gives them."""
    for at in range(before // PER_SERVICE, after // PER_SERVICE):
        where, db = space(at), f"db-{at}"
        names = [f"{db}-{one}" for one in range(PER_SERVICE)]
        behind = [
            endpoint(address(at, one), hostname=None if at % 2 else name, pod=name) for one, name in enumerate(names)
        ]
        yield service(f"web-{at}", namespace=where, ports=many.PORTS)
        yield headless(db, namespace=where, ports=many.PORTS)
        yield endpoint_slice(*behind, of=db, name=f"{db}-x", namespace=where, ports=many.PORTS)


def space(at: int) -> str:
    """The namespace of the Services with this number."""
    return f"space-{at % SPACES}"


def address(at: int, endpoint: int) -> str:
    """Of one endpoint of one headless Service."""
    return str(FIRST_ADDRESS + at * PER_SERVICE + endpoint)


def _pod(at: int, node: str) -> Object:
    meta = {"name": f"pod-{at}", "namespace": "default"}
    container = {"name": "web", "image": "example.com/web:1", "ports": [{"name": "http", "containerPort": 80}]}
    spec = {"nodeName": node, "containers": [container], "automountServiceAccountToken": False}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
