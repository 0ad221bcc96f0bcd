"""The oracle: from API objects to the names and records that must be there."""

from __future__ import annotations

from typing import Any

import pytest

from kube_dns_conformance import oracle
from kube_dns_conformance.kube import Object

SERVICE: Object = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "selector": {"app": "web", "tier": "front"},
        "clusterIPs": ["10.96.0.7", "fd00:10:96::7"],
        "ipFamilies": ["IPv4", "IPv6"],
        "ports": [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}],
    },
}
HEADLESS: Object = SERVICE | {"spec": SERVICE["spec"] | {"clusterIPs": ["None"], "ipFamilies": ["IPv6"]}}


def pod(*ips: str, ready: str = "True", labels: dict[str, str] | None = None, **meta: Any) -> Object:
    return {
        "metadata": {"name": "web-0", "labels": labels or {"app": "web", "tier": "front"}, **meta},
        "spec": {"hostname": "web-0"},
        "status": {"podIPs": [{"ip": ip} for ip in ips], "conditions": [{"type": "Ready", "status": ready}]},
    }


def endpoint_slice(*endpoints: Object, service: str = "web") -> Object:
    return {"metadata": {"labels": {"kubernetes.io/service-name": service}}, "endpoints": list(endpoints)}


def test_names_are_below_the_zone_that_the_cluster_has() -> None:
    assert oracle.service_name(SERVICE, "example.test") == "web.shop.svc.example.test."
    assert oracle.pod_name(pod(), SERVICE, "example.test") == "web-0.web.shop.svc.example.test."


def test_a_port_is_named_with_its_protocol_and_tcp_is_the_default() -> None:
    names = [oracle.srv_name(SERVICE, port, "cluster.local") for port in SERVICE["spec"]["ports"]]
    assert names == ["_http._tcp.web.shop.svc.cluster.local.", "_dns._udp.web.shop.svc.cluster.local."]


def test_a_cluster_ip_is_expected_in_its_family_only() -> None:
    assert oracle.cluster_ips(SERVICE, "A") == ["10.96.0.7"]
    assert oracle.cluster_ips(SERVICE, "AAAA") == ["fd00:10:96::7"]


@pytest.mark.parametrize("rdtype", ["A", "AAAA"])
def test_headless_and_external_services_have_no_cluster_ip(rdtype: str) -> None:
    assert oracle.cluster_ips(HEADLESS, rdtype) == []
    assert oracle.cluster_ips({"spec": {"type": "ExternalName"}}, rdtype) == []


def test_the_families_of_a_service_are_its_record_types_the_first_one_first() -> None:
    assert oracle.rdtypes(SERVICE) == ["A", "AAAA"]
    assert (oracle.available_rdtype(SERVICE), oracle.available_rdtype(HEADLESS)) == ("A", "AAAA")


@pytest.mark.parametrize(
    "unready",
    [
        pod("10.64.0.1", ready="False"),
        pod("10.64.0.1", ready="Unknown"),
        pod("10.64.0.1", deletionTimestamp="2030-01-01T00:00:00Z"),
        pod(),
        {"metadata": {"name": "new"}},
        {"metadata": {"name": "new"}, "status": {"podIPs": [{"ip": "10.64.0.1"}]}},
        {
            "metadata": {"name": "new"},
            "status": {"podIPs": [{"ip": "1.1.1.1"}], "conditions": [{"type": "ContainersReady", "status": "True"}]},
        },
    ],
)
def test_a_pod_that_is_not_ready_is_no_endpoint(unready: Object) -> None:
    assert not oracle.is_ready(unready)
    assert oracle.pod_addresses([unready, pod("10.64.0.2")], "A") == ["10.64.0.2"]


def test_a_dual_stack_pod_has_one_address_in_each_family() -> None:
    pods = [pod("10.64.0.1", "fd00::1"), pod("fd00::2", "10.64.0.2")]
    assert oracle.pod_addresses(pods, "A") == ["10.64.0.1", "10.64.0.2"]
    assert oracle.pod_addresses(pods, "AAAA") == ["fd00::1", "fd00::2"]


def test_a_selector_wants_all_its_labels_and_minds_no_other() -> None:
    whole = pod("10.64.0.1", labels={"app": "web", "tier": "front", "more": "yes"})
    half = pod("10.64.0.2", labels={"app": "web"})
    other = pod("10.64.0.3", labels={"app": "web", "tier": "back"})
    bare: Object = {"metadata": {"name": "bare"}}
    assert oracle.selected(SERVICE, [whole, half, other, bare]) == [whole]


@pytest.mark.parametrize("spec", [{}, {"selector": None}, {"selector": {}}])
def test_a_service_without_a_selector_selects_nothing(spec: Object) -> None:
    assert oracle.selected({"metadata": {"name": "web"}, "spec": spec}, [pod("10.64.0.1")]) == []


@pytest.mark.parametrize(
    ("endpoint", "counts"),
    [
        ({"addresses": ["10.64.0.1"], "conditions": {"ready": True}}, True),
        ({"addresses": ["10.64.0.1"], "conditions": {"ready": False}}, False),
        ({"addresses": ["10.64.0.1"], "conditions": {"ready": None}}, True),  # unknown counts as ready
        ({"addresses": ["10.64.0.1"], "conditions": {}}, True),
        ({"addresses": ["10.64.0.1"]}, True),
    ],
)
def test_an_endpoint_counts_unless_it_says_that_it_is_not_ready(endpoint: Object, counts: bool) -> None:
    assert oracle.slice_addresses([endpoint_slice(endpoint)], SERVICE) == ({"10.64.0.1"} if counts else set())


def test_all_slices_of_the_service_count_once_and_nobody_elses() -> None:
    slices = [
        endpoint_slice({"addresses": ["10.64.0.1"]}, {"addresses": ["10.64.0.2"]}),
        endpoint_slice({"addresses": ["10.64.0.2"]}, {"addresses": ["fd00::1"]}),
        endpoint_slice({"addresses": ["10.64.0.9"]}, service="web-headless"),
        {"metadata": {"labels": {"kubernetes.io/service-name": "web"}}, "endpoints": None},
        {"metadata": {}, "endpoints": [{"addresses": ["10.64.0.8"]}]},
    ]
    assert oracle.slice_addresses(slices, SERVICE) == {"10.64.0.1", "10.64.0.2", "fd00::1"}
