"""What is written for the processes of an embedded cluster, and the ports that they are given."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube_dns_conformance.clusters import coredns, kwokctl, ports
from kube_dns_conformance.clusters.base import Capability, IpFamily, family_capabilities
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.resources import folder

TOOLS = {name: Path("/tools") / name for name in kwokctl.BINARIES}
PORTS = [20001, 20002, 20003, 20004, 20005, 20006]
FAMILIES = pytest.mark.parametrize("family", IpFamily)


@pytest.fixture
def reserved() -> Iterator[ports.Reserved]:
    with ports.Reserved() as made:
        yield made


def documents(family: IpFamily) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(kwokctl.configuration(TOOLS, "1.37.2", family, PORTS)))


def arguments(family: IpFamily) -> dict[str, dict[str, str]]:
    patches = documents(family)[0]["componentsPatches"]
    return {one["name"]: {extra["key"]: extra["value"] for extra in one["extraArgs"]} for one in patches}


@FAMILIES
def test_kwokctl_gets_its_own_configuration_and_five_stages(family: IpFamily) -> None:
    kinds = [(one["kind"], one.get("metadata", {}).get("name")) for one in documents(family)]
    assert kinds == [
        ("KwokctlConfiguration", None),
        ("Stage", "node-ready"),
        ("Stage", "pod-ready"),
        ("Stage", "pod-gate-opened"),
        ("Stage", "pod-gate-shut"),
        ("Stage", "pod-delete"),
    ]


def test_every_binary_is_the_one_that_was_chosen_and_every_port_is_ours() -> None:
    options = documents(IpFamily.IPV4)[0]["options"]
    assert {key: value for key, value in options.items() if key.endswith("Binary")} == {
        "etcdBinary": "/tools/etcd",
        "kubeApiserverBinary": "/tools/kube-apiserver",
        "kubeControllerManagerBinary": "/tools/kube-controller-manager",
        "kubeSchedulerBinary": "/tools/kube-scheduler",
        "kubectlBinary": "/tools/kubectl",
        "kwokControllerBinary": "/tools/kwok",
    }
    assert sorted(value for key, value in options.items() if key.endswith("Port")) == PORTS
    assert (options["runtime"], options["bindAddress"], options["kubeVersion"]) == ("binary", "127.0.0.1", "v1.37.2")


def test_a_port_too_few_is_noticed() -> None:
    with pytest.raises(ValueError, match="shorter"):
        kwokctl.configuration(TOOLS, "1.37.2", IpFamily.IPV4, PORTS[1:])


@pytest.mark.parametrize(
    ("family", "services", "advertised"),
    [
        (IpFamily.IPV4, "10.96.0.0/16", "127.0.0.1"),
        (IpFamily.IPV6, "fd00:10:96::/112", "::1"),
        (IpFamily.DUAL, "10.96.0.0/16,fd00:10:96::/112", "127.0.0.1"),
    ],
)
def test_services_and_the_api_server_have_the_family_asked_for(
    family: IpFamily, services: str, advertised: str
) -> None:
    server = arguments(family)["kube-apiserver"]
    assert server == {
        "advertise-address": advertised,
        "egress-selector-config-file": str(folder("manifests") / "embedded" / "egress.yaml"),
        "endpoint-reconciler-type": "none",
        "service-cluster-ip-range": services,
    }


def test_pod_addresses_come_from_a_range_large_enough_never_to_repeat() -> None:
    assert arguments(IpFamily.IPV4)["kwok-controller"] == {"cidr": "10.64.0.0/10"}


@pytest.mark.parametrize(
    ("family", "first", "all_of_them"),
    [
        (IpFamily.IPV4, "podIP: {{ $v4 }}", ["- ip: {{ $v4 }}"]),
        (IpFamily.IPV6, "podIP: {{ $v6 }}", ["- ip: {{ $v6 }}"]),
        (IpFamily.DUAL, "podIP: {{ $v4 }}", ["- ip: {{ $v4 }}", "- ip: {{ $v6 }}"]),
    ],
)
def test_pods_get_an_address_of_each_family(family: IpFamily, first: str, all_of_them: list[str]) -> None:
    text = documents(family)[2]["spec"]["next"]["patches"][0]["template"]
    template = [line.strip() for line in text.splitlines()]
    assert first in template
    assert [line for line in template if line.startswith("- ip:")] == all_of_them


@FAMILIES
def test_no_placeholder_of_ours_is_left_in_the_stages(family: IpFamily) -> None:
    text = kwokctl.stages(family)
    assert "$first_address" not in text
    assert "$addresses" not in text
    assert "{{ $now := Now | Quote }}" in text  # KWOK's own variables stay


@pytest.mark.parametrize(("host", "bracketed"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_coredns_listens_where_it_was_told_and_nowhere_else(
    host: str, bracketed: str, reserved: ports.Reserved
) -> None:
    server = Server("dns-0", host, 5301)
    lines = coredns.configuration(Path("/k"), "example.test", server, reserved).splitlines()
    stripped = [line.strip() for line in lines if not line.startswith("#")]
    assert stripped[0] == ".:5301 {"
    assert f"bind {host}" in stripped
    starts = (f"{word} {bracketed}:" for word in ("health", "ready", "prometheus"))
    others = {line.removeprefix(start).rstrip(" {") for start in starts for line in stripped if line.startswith(start)}
    assert len(others) == 3
    assert "5301" not in others
    assert not any(line.startswith("forward") for line in stripped)


def test_coredns_serves_the_zone_asked_for_from_the_kubeconfig_given(reserved: ports.Reserved) -> None:
    text = coredns.configuration(Path("/with a space/k"), "example.test", Server("dns-0", "127.0.0.1", 1), reserved)
    assert "    kubernetes example.test in-addr.arpa ip6.arpa {\n" in text
    assert '       kubeconfig "/with a space/k"\n' in text
    assert "       disable success example.test\n       disable denial example.test\n" in text
    assert "$" not in text
    assert text.count("{") == text.count("}")


def test_free_ports_are_distinct_and_below_the_ephemeral_range() -> None:
    found = ports.free_ports(50, "127.0.0.1")
    assert len(set(found)) == 50
    assert all(20000 <= port < 32000 for port in found)
    with ports.Reserved() as reserved:
        assert any(reserved.take(port, "127.0.0.1") for port in found)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_taken_over_udp_or_tcp_is_not_free(kind: socket.SocketKind, reserved: ports.Reserved) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        assert not reserved.take(port, "127.0.0.1")


def test_what_is_reserved_is_given_to_nobody_else_and_can_be_served_as_coredns_does(
    reserved: ports.Reserved, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "sample", lambda population, _: sorted(population))  # all choose in the same order
    host, (port,) = "127.0.0.1", reserved.free(1, "127.0.0.1")
    with ports.Reserved() as others:
        (second,) = others.free(1, host)
        assert port < second < ports.free_ports(1, host)[0]
    with socket.create_server((host, port), reuse_port=True) as coredns:
        socket.create_connection((host, port)).close()
        coredns.accept()[0].close()
        reserved.__exit__()
        assert ports.free_ports(1, host) > [port]


def test_ports_that_run_out_are_one_clear_line() -> None:
    with pytest.raises(ClusterError, match=r"no 1 free ports between 20000 and 32000 on 203\.0\.113\.1"):
        ports.free_ports(1, "203.0.113.1")  # not an address of this machine


@pytest.mark.parametrize(
    ("family", "capabilities"),
    [
        (IpFamily.IPV4, {Capability.IPV4}),
        (IpFamily.IPV6, {Capability.IPV6}),
        (IpFamily.DUAL, {Capability.IPV4, Capability.IPV6, Capability.DUAL_STACK}),
    ],
)
def test_a_family_is_a_capability(family: IpFamily, capabilities: set[Capability]) -> None:
    assert family_capabilities(family) == capabilities
