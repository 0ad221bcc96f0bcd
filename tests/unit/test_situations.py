"""The life of a run's namespaces."""

from __future__ import annotations

from typing import cast

from kube_dns_conformance import situations
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object


class Refusing:
    """An API server that refuses to delete what is named ``no-*``."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def delete(self, item: Object) -> None:
        self.asked.append(item["metadata"]["name"])
        if self.asked[-1].startswith("no-"):
            raise ClusterError("not allowed")


def test_every_namespace_is_tried_and_each_failure_is_a_line() -> None:
    kube = Refusing()
    assert situations.delete(["no-a", "b", "no-c", "d"], cast("Kube", kube)) == [
        "could not delete namespace no-a: not allowed",
        "could not delete namespace no-c: not allowed",
    ]
    assert sorted(kube.asked) == ["b", "d", "no-a", "no-c"]
