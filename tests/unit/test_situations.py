"""The life of a run's namespaces."""

from __future__ import annotations

from typing import Any, cast

from kube_dns_conformance import situations
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.timings import Timings


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


class Slow:
    """An API server whose controllers have not made the account of a new namespace yet: it refuses Pods so often."""

    def __init__(self, refusals: int, why: str) -> None:
        self.refusals = refusals
        self.why = why
        self.made: list[str] = []

    def apply(self, item: Object) -> None:
        if item["kind"] == "Pod" and self.refusals:
            self.refusals -= 1
            raise ClusterError(self.why)
        self.made.append(item["kind"])


def deployed(kube: Slow, settle: float = 30.0) -> dict[str, ClusterError]:
    manifest: list[Any] = [{"kind": kind, "metadata": {"name": "web"}} for kind in ("Service", "Pod")]
    made = Situation(
        "shop/web", "ns", "zone", cast("Kube", kube), cast("Mirror", None), Timings(settle=settle), manifest
    )
    return situations.deploy([made])


def test_a_pod_waits_for_the_account_of_its_namespace() -> None:
    kube = Slow(3, 'pods "web" is forbidden: error looking up service account ns/default: not found')
    assert deployed(kube) == {}
    assert kube.made == ["Namespace", "Service", "Pod"]


def test_it_waits_no_longer_than_anything_else_and_for_nothing_else() -> None:
    kube = Slow(1000, "error looking up service account ns/default: not found")
    assert "service account" in str(deployed(kube, settle=0.3)["shop/web"])
    assert kube.refusals < 1000
    other = Slow(1, "exceeded quota")
    assert "exceeded quota" in str(deployed(other)["shop/web"])
    assert other.made == ["Namespace", "Service"]
