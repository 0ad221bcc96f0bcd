"""Many Services of every kind, made on a real cluster, for audits: their endpoints are in EndpointSlices of our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kube_dns_conformance.kube import Kube, Object
from objects import endpoint, endpoint_slice, external, headless, service

PORTS = [("http", 80), ("dns", 53, "UDP")]
MAKERS = 8


def make(kubeconfig: Path, namespace: str, count: int) -> None:
    """``count`` Services in this namespace, which is made too."""
    kube = Kube(kubeconfig)
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    send(kube, map(applicable, objects(namespace, count)))


def send(kube: Kube, items: Iterable[Object]) -> None:
    """Make all of them, some at a time."""
    with ThreadPoolExecutor(MAKERS) as pool:
        for _ in pool.map(kube.apply, items):
            pass


def applicable(item: Object) -> Object:
    """As it is sent: without what the API server gives."""
    versions = {"Service": "v1", "EndpointSlice": "discovery.k8s.io/v1"}
    meta = {name: text for name, text in item["metadata"].items() if name not in {"uid", "resourceVersion"}}
    return item | {"apiVersion": versions[item["kind"]], "metadata": meta}


def objects(namespace: str, count: int) -> Iterator[Object]:
    """In each ten: five with a ClusterIP, four headless (one without an endpoint), one ExternalName."""
    for at in range(count):
        name, kind = f"s{at}", at % 10
        behind = f"10.{100 + at // 250}.{at % 250}"
        if kind < 5:
            yield service(name, namespace=namespace, ports=PORTS)
        elif kind == 9:
            yield external("db.example.com", name, namespace)
        else:
            yield headless(name, namespace=namespace, ports=PORTS)
            some = [endpoint(f"{behind}.{one}", hostname=f"p-{one}" if kind < 7 else None) for one in range(1, 6)]
            some += [endpoint(f"{behind}.9", hostname="not-ready", ready=False)]
            if kind < 8:
                made = endpoint_slice(*some, of=name, name=f"{name}-x", namespace=namespace, ports=PORTS)
                yield made
