"""Services and endpoints by the thousand, on the API server of an embedded cluster.

Of each two Services one is headless with ten endpoints and two named ports, by turns with hostnames, as of a
StatefulSet, and without, as of a Deployment; the other has a ClusterIP. The EndpointSlices are made here: an audit sees
no difference, and so many Pods would take the scheduler most of an hour.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kube_dns_conformance.kube import Kube

PER_SERVICE = 10
SPACES = 10
MAKERS = 8
FIRST_ADDRESS = ipaddress.IPv4Address("10.128.0.0")
PORTS = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]

Object = dict[str, Any]


def grow(kubeconfig: Path, before: int, after: int) -> None:
    """Make what a cluster of ``after`` endpoints has more than one of ``before``."""
    kube = Kube(kubeconfig)
    for at in range(SPACES):
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"space-{at}"}})
    with ThreadPoolExecutor(MAKERS) as pool:
        for _ in pool.map(kube.apply, objects(before, after)):
            pass


def add_pods(kubeconfig: Path, count: int) -> None:
    """So many Pods, put on nodes by hand, and each with the address that KWOK gives it."""
    kube = Kube(kubeconfig)
    nodes = [one["metadata"]["name"] for one in kube.list("v1", "Node")[0]]
    with ThreadPoolExecutor(MAKERS) as pool:
        for _ in pool.map(kube.apply, (_pod(at, nodes[at % len(nodes)]) for at in range(count))):
            pass
    while sum("podIP" in one["status"] for items, _ in kube.pages("v1", "Pod") for one in items) < count:
        time.sleep(1)


def objects(before: int, after: int) -> Iterator[Object]:
    """As they are sent."""
    for at in range(before // PER_SERVICE, after // PER_SERVICE):
        yield _service(f"web-{at}", at, {"ports": PORTS})
        yield _service(f"db-{at}", at, {"ports": PORTS, "clusterIP": "None"})
        yield _slice(at)


def space(at: int) -> str:
    """The namespace of the Services with this number."""
    return f"space-{at % SPACES}"


def has_hostnames(at: int) -> bool:
    """Whether the endpoints of the headless Service with this number have."""
    return at % 2 == 0


def address(at: int, endpoint: int) -> str:
    """Of one endpoint of one headless Service."""
    return str(FIRST_ADDRESS + at * PER_SERVICE + endpoint)


def _pod(at: int, node: str) -> Object:
    meta = {"name": f"pod-{at}", "namespace": "default"}
    container = {"name": "web", "image": "example.com/web:1", "ports": [{"name": "http", "containerPort": 80}]}
    spec = {"nodeName": node, "containers": [container], "automountServiceAccountToken": False}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def _service(name: str, at: int, spec: Object) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": space(at)}, "spec": spec}


def _slice(at: int) -> Object:
    labels = {"kubernetes.io/service-name": f"db-{at}"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"db-{at}-x", "namespace": space(at), "labels": labels},
        "addressType": "IPv4",
        "ports": PORTS,
        "endpoints": [_endpoint(at, one) for one in range(PER_SERVICE)],
    }


def _endpoint(at: int, number: int) -> Object:
    pod = {"kind": "Pod", "name": f"db-{at}-{number}", "namespace": space(at)}
    made = {"addresses": [address(at, number)], "conditions": {"ready": True}, "targetRef": pod}
    return made | ({"hostname": f"db-{at}-{number}"} if has_hostnames(at) else {})
