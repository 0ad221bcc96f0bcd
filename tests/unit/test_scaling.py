"""The Deployment that DNS runs in is found by its Pods, scaled for a while, and never taken from somebody else."""

from __future__ import annotations

from typing import Any, cast

import pytest

from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.scaling import Deployment, deployment_of, replicas, scale, scale_back

DNS = Deployment("kube-system", "coredns")
RUN, WAS = "kube-dns-conformance/run", "kube-dns-conformance/replicas"


def owned(kind: str, name: str, by: tuple[str, str] | None = None, **more: Any) -> Object:
    owners = [{"kind": by[0], "name": by[1]}] if by else []
    return {"kind": kind, "metadata": {"name": name, "namespace": "kube-system", "ownerReferences": owners}, **more}


def pod(name: str, address: str, by: tuple[str, str] | None) -> Object:
    return owned("Pod", name, by, status={"podIPs": [{"ip": address}]})


class Cluster:
    """An API server with these objects."""

    def __init__(self, *items: Object, refuse: int = 0) -> None:
        self.items = list(items)
        self.refuse = refuse
        self.changes: list[Object] = []

    def list(self, _version: str, kind: str, namespace: str = "") -> tuple[list[Object], str]:
        if not self.items:
            raise ClusterError("cannot list: Forbidden")
        here = [one for one in self.items if namespace in ("", one["metadata"]["namespace"])]
        return [one for one in here if one["kind"] == kind], "7"

    def patch(self, item: Object, body: Object) -> None:
        assert item["metadata"] == {"name": "coredns", "namespace": "kube-system"}
        if self.refuse:
            self.refuse -= 1
            raise ClusterError("conflict")
        self.changes.append(body)

    @property
    def kube(self) -> Kube:
        return cast("Kube", self)


def deployment(number: int, marks: dict[str, str] | None = None) -> Object:
    made = owned("Deployment", "coredns", spec={"replicas": number})
    made["metadata"] |= {"resourceVersion": "7", "annotations": marks}
    return made


def change(number: int, run: str | None, was: str | None) -> Object:
    return {"metadata": {"resourceVersion": "7", "annotations": {RUN: run, WAS: was}}, "spec": {"replicas": number}}


SETS = [owned("ReplicaSet", "coredns-1", ("Deployment", "coredns")), owned("ReplicaSet", "alone")]


@pytest.mark.parametrize(
    ("owners", "found"),
    [
        ([("ReplicaSet", "coredns-1"), ("ReplicaSet", "coredns-1")], DNS),
        ([("ReplicaSet", "coredns-1"), ("ReplicaSet", "alone")], None),
        ([("ReplicaSet", "alone"), ("ReplicaSet", "alone")], None),
        ([("DaemonSet", "coredns"), ("DaemonSet", "coredns")], None),
        ([None, None], None),
    ],
)
def test_it_is_what_owns_all_pods(owners: list[tuple[str, str] | None], found: Deployment | None) -> None:
    pods = [pod(f"p{index}", f"10.244.0.{index}", one) for index, one in enumerate(owners)]
    other = pod("other", "10.244.0.9", ("DaemonSet", "kube-proxy"))
    cluster = Cluster(*pods, other, *SETS)
    assert deployment_of(cluster.kube, {"10.244.0.0", "10.244.0.1"}) == found


def test_where_nobody_may_see_pods_nothing_is_found() -> None:
    assert deployment_of(Cluster().kube, {"10.244.0.0"}) is None


def test_the_first_number_is_remembered_until_it_is_back() -> None:
    cluster = Cluster(deployment(2))
    assert replicas(cluster.kube, DNS) == 2
    scale(cluster.kube, DNS, "mine", 1)
    assert cluster.changes == [change(1, "mine", "2")]
    cluster = Cluster(deployment(1, {RUN: "mine", WAS: "2"}))
    scale(cluster.kube, DNS, "mine", 3)
    assert scale_back(cluster.kube, DNS, "mine")
    assert cluster.changes == [change(3, "mine", "2"), change(2, None, None)]


@pytest.mark.parametrize("marks", [{}, {RUN: "other", WAS: "5"}])
def test_what_this_run_did_not_scale_is_not_scaled_back(marks: dict[str, str]) -> None:
    cluster = Cluster(deployment(3, marks))
    assert not scale_back(cluster.kube, DNS, "mine")
    assert cluster.changes == []


def test_two_runs_do_not_scale_the_same() -> None:
    cluster = Cluster(deployment(3, {RUN: "other", WAS: "2"}))
    with pytest.raises(ClusterError, match="Deployment coredns is scaled by another run"):
        scale(cluster.kube, DNS, "mine", 1)


def test_a_change_that_came_between_is_no_hindrance() -> None:
    cluster = Cluster(deployment(2), refuse=1)
    scale(cluster.kube, DNS, "mine", 1, within=1.0)
    assert cluster.changes == [change(1, "mine", "2")]


def test_a_deployment_that_is_gone_is_said_to_be() -> None:
    cluster = Cluster(*SETS)
    with pytest.raises(ClusterError, match="there is no Deployment coredns in namespace kube-system any more"):
        scale(cluster.kube, DNS, "mine", 1)
    assert not scale_back(cluster.kube, DNS, "mine")
