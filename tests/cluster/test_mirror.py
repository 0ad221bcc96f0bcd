"""The live copy of the objects: no verdict is made from one that is behind, broken or out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.mirror import Mirror

NAMESPACE, LABELS = "default", {"kube-dns-conformance/run": "mirror"}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "mirrored", "namespace": NAMESPACE, "labels": LABELS},
    "spec": {"ports": [{"port": 80}]},
}


@pytest.fixture
def kube(cluster: Cluster) -> Iterator[Kube]:
    """An API server with one Service that the mirror follows."""
    made = Kube(cluster.kubeconfig, cluster.context)
    made.apply(SERVICE)
    yield made
    made.delete(SERVICE)


def mirror_of(kube: Kube, patience: float) -> Mirror:
    return Mirror(kube, "kube-dns-conformance/run=mirror", patience)


def port(item: Object) -> int:
    return int(item["spec"]["ports"][0]["port"])


def test_what_is_confirmed_is_what_the_api_server_has(kube: Kube) -> None:
    mirror = mirror_of(kube, patience=30)
    kube.patch(SERVICE, {"spec": {"ports": [{"port": 81}]}})
    mirror.confirm(NAMESPACE)
    assert [port(item) for item in mirror.objects("Service", NAMESPACE)] == [81]
    mirror.close()


def test_a_copy_that_stays_behind_is_not_confirmed(kube: Kube) -> None:
    mirror = mirror_of(kube, patience=0.1)
    mirror.close()
    kube.patch(SERVICE, {"spec": {"ports": [{"port": 82}]}})
    with pytest.raises(ClusterError, match="the watch of Service objects in namespace default stays behind"):
        mirror.confirm(NAMESPACE)


def test_what_was_confirmed_a_moment_ago_is_confirmed_anew_only_for_who_needs_it(kube: Kube) -> None:
    mirror = mirror_of(kube, patience=0.1)
    mirror.confirm(NAMESPACE, age=60)
    mirror.close()
    kube.patch(SERVICE, {"spec": {"ports": [{"port": 84}]}})
    mirror.confirm(NAMESPACE, age=60)
    with pytest.raises(ClusterError, match="stays behind"):
        mirror.confirm(NAMESPACE)


class Breaking(Kube):
    """Its watches break in a way that nobody foresaw."""

    def watch(self, api_version: str, kind: str, **options: Any) -> Iterator[tuple[str, Object]]:
        raise RuntimeError("unforeseen")


def test_a_watch_that_breaks_in_an_unforeseen_way_does_not_end_the_following(kube: Kube, cluster: Cluster) -> None:
    mirror = mirror_of(Breaking(cluster.kubeconfig, cluster.context), patience=30)
    kube.patch(SERVICE, {"spec": {"ports": [{"port": 83}]}})
    seen = mirror.wait(lambda: [port(item) for item in mirror.objects("Service", NAMESPACE)] == [83] or None, 30, "83")
    assert seen
    mirror.close()
