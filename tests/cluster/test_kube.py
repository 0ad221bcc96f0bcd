"""What the API server refuses, in errors of ours."""

from __future__ import annotations

import pytest
from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object

LOST: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lost", "namespace": "gone"}}


def test_what_is_applied_to_a_namespace_that_is_gone_is_refused(cluster: Cluster) -> None:
    kube = Kube(cluster.kubeconfig)
    with pytest.raises(ClusterError, match='namespaces "gone" not found'):
        kube.apply(LOST)
    with pytest.raises(ClusterError, match='"lost" not found'):
        kube.patch(LOST, {"data": {}})


def test_an_object_that_is_not_there_is_told_apart(cluster: Cluster) -> None:
    kube = Kube(cluster.kubeconfig)
    with pytest.raises(NotFoundError):
        kube.get("v1", "ConfigMap", "lost", "gone")
    kube.delete(LOST)


def test_a_watch_ends_when_the_server_was_asked_to_end_it(cluster: Cluster) -> None:
    watch = Kube(cluster.kubeconfig).watch("v1", "ConfigMap", timeout=1, label_selector="no=such")
    assert list(watch) == []


def test_the_metadata_of_a_list_are_those_of_its_objects_and_nothing_else(cluster: Cluster) -> None:
    kube = Kube(cluster.kubeconfig)
    whole, _ = kube.list("v1", "Service", namespace="default")
    alone = kube.list_metadata("v1", "Service", "default", "")
    assert [one["metadata"] for one in alone] == [one["metadata"] for one in whole] != []
    assert all("spec" not in one for one in alone)
    assert kube.list_metadata("v1", "Service", "default", "no=such") == []
