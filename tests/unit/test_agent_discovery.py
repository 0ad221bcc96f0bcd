"""The DNS of a cluster is found from a Pod's resolv.conf and the objects behind the address in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from kube_dns_conformance.agent.discovery import Dns, ResolvConf, discover, parse, zone_of
from kube_dns_conformance.clusters.base import Software
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object

RESOLV_CONF = """\
search kdc-1-agent.svc.corp.example svc.corp.example corp.example lab
nameserver 10.96.0.10
options ndots:5
"""


class Api:
    """Lists what it was given."""

    def __init__(self, *items: Object, refuses: str = "") -> None:
        self.items = items
        self.refuses = refuses

    def list(self, api_version: str, kind: str, **options: Any) -> tuple[list[Object], str]:
        if kind == self.refuses:
            raise ClusterError("the API server refused")
        found = [one for one in self.items if one["kind"] == kind]
        if kind == "Pod":
            wanted = set(filter(None, options["label_selector"].split(",")))
            found = [one for one in found if wanted <= {f"{k}={v}" for k, v in one["metadata"]["labels"].items()}]
        elif "namespace" in options:
            name = options["label_selector"].partition("=")[2]
            found = [
                one
                for one in found
                if one["metadata"]["namespace"] == options["namespace"]
                and one["metadata"]["labels"]["kubernetes.io/service-name"] == name
            ]
        return found, "1"


def service(name: str, *addresses: str, namespace: str = "platform") -> Object:
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        {"name": "metrics", "port": 9153, "protocol": "TCP"},
    ]
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIPs": list(addresses), "ports": ports},
    }


def endpoints(service: str, *pods: tuple[str, str, bool | None], port: int = 5353, family: str = "IPv4") -> Object:
    return {
        "kind": "EndpointSlice",
        "metadata": {"namespace": "platform", "labels": {"kubernetes.io/service-name": service}},
        "addressType": family,
        "ports": [
            {"name": "metrics", "port": 9153, "protocol": "TCP"},
            {"name": "dns-tcp", "port": 5354, "protocol": "TCP"},
            {"name": "dns", "port": port, "protocol": "UDP"},
        ],
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": ready}, "targetRef": {"name": name}}
            for name, address, ready in pods
        ],
    }


def found(*items: Object, resolv_conf: str = RESOLV_CONF, refuses: str = "", zone: str = "", ignorant: str = "") -> Dns:
    """``ignorant`` is the one that does not know the cluster."""

    def knows(servers: Sequence[Server], zone: str) -> bool:
        return bool(zone) and all(one.host != ignorant for one in servers)

    return discover(cast(Kube, Api(*items, refuses=refuses)), resolv_conf, "kdc-1-agent", zone, knows)


def test_service_replicas_and_zone_are_found_whatever_they_are_called() -> None:
    dns = found(
        service("web", "10.96.0.11"),
        service("names", "10.96.0.10"),
        endpoints("names", ("names-a", "10.244.0.2", True), ("names-b", "10.244.1.2", None)),
        endpoints("names", ("names-c", "10.244.2.2", False)),
        endpoints("web", ("web-a", "10.244.0.9", True)),
    )
    assert dns.zone == "corp.example"
    assert dns.servers == (
        Server("names", "10.96.0.10", 53),
        Server("names-a", "10.244.0.2", 5353, single=True),
        Server("names-b", "10.244.1.2", 5353, single=True),
    )


def test_of_a_replica_with_two_addresses_that_of_the_services_family_is_asked() -> None:
    dns = found(
        service("names", "fd00::a", "10.96.0.10"),
        endpoints("names", ("names-a", "10.244.0.2", True)),
        endpoints("names", ("names-a", "fd00:1::2", True), family="IPv6"),
        resolv_conf="nameserver fd00::a\nsearch kdc-1-agent.svc.cluster.local\n",
    )
    assert dns.addresses == (Server("names", "fd00::a", 53),)
    assert dns.replicas == (Server("names-a", "fd00:1::2", 5353, single=True),)


CACHE = "nameserver 169.254.20.10\nsearch kdc-1-agent.svc.cluster.local svc.cluster.local\n"
SOMEBODYS = (
    endpoints("names", ("names-a", "10.244.0.2", True)),
    service("names", "10.96.0.10"),
    service("somebodys", "10.96.0.20"),
    endpoints("somebodys", ("it", "10.244.0.3", True)),
)
CACHE_ALONE = Dns("cluster.local", (Server("resolver", "169.254.20.10", 53),), ())


def test_behind_a_cache_on_the_node_are_the_replicas_of_the_service_that_offers_dns() -> None:
    dns = found(
        service("web", "10.96.0.11") | {"spec": {"clusterIPs": ["10.96.0.11"], "ports": [{"port": 80}]}},
        service("names", "10.96.0.10"),
        endpoints("names", ("names-a", "10.244.0.2", True), ("names-b", "10.244.1.2", True)),
        endpoints("web", ("web-a", "10.244.0.9", True)),
        resolv_conf=CACHE,
    )
    assert dns.servers == (
        Server("resolver", "169.254.20.10", 53),
        Server("names-a", "10.244.0.2", 5353, single=True),
        Server("names-b", "10.244.1.2", 5353, single=True),
    )


def test_a_second_service_for_the_same_replicas_is_as_good_as_the_first() -> None:
    items = [service("names", "10.96.0.10"), service("names-upstream", "10.96.0.20")]
    items += [endpoints(one, ("names-a", "10.244.0.2", True)) for one in ("names", "names-upstream")]
    dns = found(*items, resolv_conf=CACHE)
    assert dns.replicas == (Server("names-a", "10.244.0.2", 5353, single=True),)


def test_where_several_know_the_cluster_the_cache_is_asked_alone() -> None:
    assert found(*SOMEBODYS, resolv_conf=CACHE) == CACHE_ALONE


def test_who_does_not_know_the_cluster_is_not_behind_its_cache() -> None:
    assert found(*SOMEBODYS, resolv_conf=CACHE, ignorant="10.244.0.3").replicas == (
        Server("names-a", "10.244.0.2", 5353, single=True),
    )
    assert found(*SOMEBODYS[1:], resolv_conf=CACHE, ignorant="10.244.0.3") == CACHE_ALONE


def test_where_nobody_offers_dns_the_cache_is_asked_alone() -> None:
    assert found(service("names", "10.96.0.10"), resolv_conf=CACHE) == CACHE_ALONE


def pod(name: str, *containers: Object) -> Object:
    meta = {"name": name, "namespace": "platform", "labels": {"app": "dns"}}
    return {"kind": "Pod", "metadata": meta, "spec": {"containers": list(containers)}}


def container(image: str, *ports: int) -> Object:
    return {"image": image, "ports": [{"containerPort": port} for port in ports]}


COREDNS = "registry.k8s.io/coredns/coredns:v1.12.0"
DNS = Software("coredns", "1.12.0", COREDNS)


@pytest.mark.parametrize(
    ("pods", "software"),
    [
        ([pod("names-a", container(COREDNS)), pod("names-b", container(COREDNS))], [DNS]),
        ([pod("names-a", container(COREDNS)), pod("other", container("example.test/other:1"))], [DNS]),
        (
            [pod("names-a", container(COREDNS)), pod("names-b", container("host:5000/coredns:v1.13.0-rc1"))],
            [DNS, Software("coredns", "1.13.0-rc1", "host:5000/coredns:v1.13.0-rc1")],
        ),
        ([pod("names-a", container("mesh/proxy:1", 15001), container(COREDNS, 9153, 5353))], [DNS]),
        ([pod("names-a", container("mesh/proxy:1"), container(COREDNS))], []),  # nothing says which one answers
        ([], []),
    ],
)
def test_what_serves_dns_is_seen_in_the_pods_behind_the_service(pods: list[Object], software: list[Software]) -> None:
    dns = service("names", "10.96.0.10")
    dns["spec"]["selector"] = {"app": "dns"}
    behind = endpoints("names", ("names-a", "10.244.0.2", True), ("names-b", "10.244.1.2", True))
    assert list(found(dns, behind, *pods).software) == software


def test_without_the_right_to_see_pods_nothing_is_said_of_what_serves_dns() -> None:
    items = [service("names", "10.96.0.10"), endpoints("names", ("names-a", "10.244.0.2", True))]
    dns = found(*items, pod("names-a", container(COREDNS)), refuses="Pod")
    assert dns.software == ()
    assert [one.name for one in dns.servers] == ["names", "names-a"]


@pytest.mark.parametrize(
    ("kind", "servers"),
    [
        ("Service", [Server("resolver", "10.96.0.10", 53)]),
        ("EndpointSlice", [Server("names", "10.96.0.10", 53)]),
    ],
)
def test_without_the_right_to_look_the_address_itself_is_left(kind: str, servers: list[Server]) -> None:
    items = [service("names", "10.96.0.10"), endpoints("names", ("names-a", "10.244.0.2", True))]
    assert list(found(*items, refuses=kind).servers) == servers


def test_a_pod_without_dns_server_or_domain_cannot_be_judged_from() -> None:
    with pytest.raises(ClusterError, match="names no DNS server"):
        found(resolv_conf="search kdc-1-agent.svc.cluster.local\n")
    with pytest.raises(ClusterError, match=r"no search domain kdc-1-agent\.svc\.<zone>"):
        found(resolv_conf="nameserver 10.96.0.10\nsearch example.com\n")
    assert found(resolv_conf="nameserver 10.96.0.10\n", zone="corp.example").zone == "corp.example"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("", ResolvConf()),
        ("# nameserver 10.0.0.1\n; nameserver 10.0.0.2\n", ResolvConf()),
        ("nameserver\nnameserver nonsense\nnameserver\t10.0.0.1 # first\n", ResolvConf(("10.0.0.1",))),
        ("nameserver fe80::1%eth0\nnameserver 10.0.0.1\n", ResolvConf(("fe80::1%eth0", "10.0.0.1"))),
        ("nameserver 10.0.0.1\nnameserver 10.0.0.1\n", ResolvConf(("10.0.0.1",))),
        ("search a.example\nsearch B.example. c.example\n", ResolvConf((), ("b.example", "c.example"))),
        ("domain a.example\n", ResolvConf((), ("a.example",))),
    ],
)
def test_resolv_conf_is_read_as_resolvers_read_it(text: str, parsed: ResolvConf) -> None:
    assert parse(text) == parsed


def test_the_zone_is_what_follows_the_namespace() -> None:
    assert zone_of(["x.svc.cluster.local", "svc.cluster.local"], "x") == "cluster.local"
    assert zone_of(["svc.cluster.local", "y.svc.cluster.local"], "x") == ""
