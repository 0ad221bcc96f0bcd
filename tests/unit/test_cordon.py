"""A node is cordoned for a while, and what somebody else did to it is never undone."""

from __future__ import annotations

from typing import cast

import pytest

from kube_dns_conformance.cordon import cordon, uncordon
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object

MARK = {"kube-dns-conformance/run": "mine"}


class Cluster:
    """An API server with one node, which refuses some changes first."""

    def __init__(self, *, unschedulable: bool = False, marks: dict[str, str] | None = None, refuse: int = 0) -> None:
        spec = {"unschedulable": True} if unschedulable else {}
        self.node = {"metadata": {"name": "one", "resourceVersion": "7", "annotations": marks or {}}, "spec": spec}
        self.refuse = refuse
        self.changes: list[Object] = []

    def get(self, _version: str, _kind: str, _name: str) -> Object:
        return self.node

    def patch(self, item: Object, body: Object) -> None:
        assert item == {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"}}
        if self.refuse:
            self.refuse -= 1
            raise ClusterError("conflict")
        self.changes.append(body)

    @property
    def kube(self) -> Kube:
        return cast("Kube", self)


def change(mark: str | None, unschedulable: bool | None) -> Object:
    meta = {"resourceVersion": "7", "annotations": {"kube-dns-conformance/run": mark}}
    return {"metadata": meta, "spec": {"unschedulable": unschedulable}}


def test_mark_and_cordon_come_and_go_together() -> None:
    cluster = Cluster()
    cordon(cluster.kube, "one", "mine", 0)
    assert cluster.changes == [change("mine", True)]
    cluster = Cluster(unschedulable=True, marks=MARK)
    assert uncordon(cluster.kube, "one", "mine")
    assert cluster.changes == [change(None, None)]


@pytest.mark.parametrize("marks", [{}, {"kube-dns-conformance/run": "other"}])
def test_what_somebody_else_cordoned_is_neither_taken_over_nor_undone(marks: dict[str, str]) -> None:
    cluster = Cluster(unschedulable=True, marks=marks)
    with pytest.raises(ClusterError, match="node one is unschedulable already"):
        cordon(cluster.kube, "one", "mine", 0)
    assert not uncordon(cluster.kube, "one", "mine")
    assert cluster.changes == []


def test_a_cordon_whose_answer_was_lost_is_ours() -> None:
    cluster = Cluster(unschedulable=True, marks=MARK)
    cordon(cluster.kube, "one", "mine", 0)
    assert cluster.changes == []


def test_what_did_not_work_is_tried_again() -> None:
    cluster = Cluster(unschedulable=True, marks=MARK, refuse=1)
    assert uncordon(cluster.kube, "one", "mine", within=60)
    assert cluster.changes == [change(None, None)]


def test_what_does_not_work_in_time_is_an_error() -> None:
    with pytest.raises(ClusterError, match="conflict"):
        uncordon(Cluster(unschedulable=True, marks=MARK, refuse=99).kube, "one", "mine")
