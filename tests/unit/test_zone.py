"""The cluster domain: how it is written, and how it is found out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from dns_server import DnsServer, Handler, records
from kube_dns_conformance.clusters.zone import find_zone, parse_zone
from kube_dns_conformance.errors import ClusterError, UsageError
from kube_dns_conformance.kube import Kube

KUBERNETES = SimpleNamespace(get=lambda *_: {"spec": {"clusterIP": "10.96.0.1"}})
LABEL = "a" * 63


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("", ""),
        ("cluster.local", "cluster.local"),
        ("cluster.local.", "cluster.local"),
        ("Cluster.LOCAL.", "cluster.local"),
        ("local", "local"),
        ("k8s-1.example.test", "k8s-1.example.test"),
        (f"{LABEL}.test", f"{LABEL}.test"),
        (f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}.", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}"),
    ],
)
def test_spellings_of_a_zone(text: str, zone: str) -> None:
    assert parse_zone(text) == zone


NO_ZONES = [".", "..", "a..b", ".a", "a..", " ", "a b", "cluster.local ", "-a", "a-.b", "a_b", "ä.test", "a\nb", "a{b"]
TOO_LONG = [f"{LABEL}a.test", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 62}"]


@pytest.mark.parametrize("text", [*NO_ZONES, *TOO_LONG])
def test_what_is_no_zone_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_zone(text)
    assert caught.value.message == f"--zone {text!r} is not a domain"


def says(*names: str) -> Handler:
    return records({"1.0.96.10.in-addr.arpa. PTR": names})


@pytest.mark.parametrize(
    ("first", "second", "zone"),
    [
        (says("kubernetes.default.svc.example.test."), says("Kubernetes.Default.Svc.Example.test."), "example.test"),
        (says("kubernetes.default.svc.example.test."), records({}), "example.test"),
        (says("kubernetes.default.svc.a."), says("kubernetes.default.svc.b."), None),  # they disagree
        (says("kubernetes.default.svc.a.", "kubernetes.default.svc.b."), records({}), None),
        (says("kubernetes.default.svc."), records({}), None),
        (says("web.default.svc.example.test."), records({}), None),
        (says("kubernetes.default.svc.example\\123.test."), records({}), None),
        (records({}), records({}), None),
    ],
)
def test_a_cluster_says_its_zone_by_the_name_of_the_service_that_every_cluster_has(
    first: Handler, second: Handler, zone: str | None
) -> None:
    with DnsServer(first) as one, DnsServer(second) as other:
        assert find_zone(cast("Kube", KUBERNETES), [one, other]) == zone


def test_who_may_not_read_that_service_cannot_find_out() -> None:
    def refuse(*_: object) -> None:
        raise ClusterError("not allowed")

    assert find_zone(cast("Kube", SimpleNamespace(get=refuse)), []) is None
