"""What KWOK does in a kubelet's place is done to the Pod that it is meant for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import Kube, Object

NAMESPACE = "default"
HOLD = ["example.test/hold"]


def pod(name: str) -> Object:
    spec = {"containers": [{"name": "web", "image": "web"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ended(log: Path) -> list[str]:
    """The Pods that KWOK has deleted, one after the other."""
    *lines, _ = log.read_text().split("\n")
    return [told["pod"] for told in map(json.loads, lines) if told["msg"] == "Delete pod"]


@pytest.fixture
def kube(cluster: Cluster) -> Kube:
    return Kube(cluster.kubeconfig)


@pytest.fixture
def held(kube: Kube) -> Iterator[Object]:
    """A Pod that stays when it is deleted."""
    made = pod("held")
    kube.apply(made | {"metadata": made["metadata"] | {"finalizers": HOLD}})
    yield made
    kube.patch(made, {"metadata": {"finalizers": None}})


def test_a_pod_is_ended_once_whatever_becomes_of_its_name(cluster: Cluster, kube: Kube, held: Object) -> None:
    def now(name: str) -> Object:
        found, _ = kube.list("v1", "Pod", namespace=NAMESPACE, field_selector=f"metadata.name={name}")
        return found[0]

    wait(lambda: now("held")["status"]["phase"] == "Running")
    kube.delete(held)
    wait(lambda: now("held")["metadata"]["deletionGracePeriodSeconds"] == 0)
    # A second time would take the Pod that has its name then: but for its finalizer it were gone, and replaced.
    kube.patch(held, {"metadata": {"annotations": {"example.test/seen": "again"}}})
    later = pod("later")
    kube.apply(later)
    wait(lambda: now("later")["status"]["phase"] == "Running")
    kube.delete(later)
    (log,) = cluster.kubeconfig.parent.rglob("kwok-controller.log")
    wait(lambda: "default/later" in ended(log))
    assert ended(log).count("default/held") == 1
