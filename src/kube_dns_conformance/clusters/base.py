"""What the rest of the suite knows about a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from kube_dns_conformance.dns.model import Server


class IpFamily(StrEnum):
    """The address families of a cluster's Services and Pods."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    DUAL = "dual"


class Capability(StrEnum):
    """What a cluster can do. A requirement that needs a missing one is *unsupported*, by this name."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    DUAL_STACK = "dual-stack"
    DNS_REPLICAS = "dns-replicas"
    REAL_PODS = "real-pods"
    REAL_NODES = "real-nodes"
    ALLOW_DISRUPTIVE = "allow-disruptive"
    FREEZE_NODES = "freeze-nodes"
    LARGE_WORKLOADS = "large-workloads"
    RESTART_DNS = "restart-dns"
    SCALE_DNS = "scale-dns"
    STOP_API_SERVER = "stop-api-server"
    POD_RECORDS = "pod-records"
    NODE_LOCAL_CACHE = "node-local-cache"
    CLUSTER_SET = "cluster-set"
    UPGRADED = "upgraded"


DESCRIPTIONS = {
    Capability.IPV4: "Services have IPv4 addresses",
    Capability.IPV6: "Services have IPv6 addresses",
    Capability.DUAL_STACK: "Services can have addresses of both families",
    Capability.DNS_REPLICAS: "several DNS servers can be asked directly, one by one",
    Capability.REAL_PODS: "Pods run programs and connect to each other: those that KWOK plays do not",
    Capability.REAL_NODES: "Pods can be moved between several nodes: those that KWOK plays have no kubelet",
    Capability.ALLOW_DISRUPTIVE: "nodes may be cordoned: a cluster of ours, or --allow-disruptive",
    Capability.FREEZE_NODES: "nodes can be stopped: a kind cluster of ours",
    Capability.LARGE_WORKLOADS: "a thousand Pods may be made: --allow-large",
    Capability.RESTART_DNS: "DNS replicas may be ended: a cluster that the run made, or --allow-disruptive",
    Capability.SCALE_DNS: "the same, and a Deployment that may be scaled is what runs them",
    Capability.STOP_API_SERVER: "the API server can be stopped: an embedded cluster that the run made",
    Capability.POD_RECORDS: "the DNS server is seen to know Pods by their addresses",
    Capability.NODE_LOCAL_CACHE: "Pods are told to ask a DNS cache on their node",
    Capability.CLUSTER_SET: "the DNS server is seen to serve clusterset.local",
    Capability.UPGRADED: "it was watched while it was upgraded: kube-dns-conformance upgrade",
}


@dataclass(frozen=True)
class Software:
    """A program that answers: its name and version, and the image it runs from; empty is what nobody could see."""

    name: str
    version: str
    image: str = ""


@dataclass(frozen=True)
class Cluster:
    """A running cluster: how to reach its API and whom to ask.

    ``zone`` is the cluster domain without a final dot; ``zone_note`` says whence, when nobody named it.
    ``implementation`` is what was found to serve its DNS, several things while they are exchanged; none when unknown.
    """

    provider: str
    name: str
    kubeconfig: Path
    context: str | None
    zone: str
    dns: tuple[Server, ...]
    capabilities: frozenset[Capability]
    kubernetes: str = ""
    zone_note: str = ""
    implementation: tuple[Software, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """For ``cluster status --json`` and ``results.jsonl``. Holds no credentials, only a path to them."""
        return {
            "provider": self.provider,
            "name": self.name,
            "kubernetes": self.kubernetes,
            "kubeconfig": str(self.kubeconfig),
            "context": self.context,
            "zone": self.zone,
            "zone_note": self.zone_note,
            "dns": [asdict(server) for server in self.dns],
            "capabilities": sorted(self.capabilities),
            "implementation": [asdict(one) for one in self.implementation],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Cluster:
        """What `as_data` was made of."""
        fields = dict(data)
        fields["kubeconfig"] = Path(data["kubeconfig"])
        fields["dns"] = tuple(Server(**one) for one in data["dns"])
        fields["capabilities"] = frozenset(map(Capability, data["capabilities"]))
        fields["implementation"] = tuple(Software(**one) for one in data.get("implementation", ()))
        return cls(**fields)


def family_capabilities(family: IpFamily) -> frozenset[Capability]:
    """The capabilities that come with an address family."""
    return {
        IpFamily.IPV4: frozenset({Capability.IPV4}),
        IpFamily.IPV6: frozenset({Capability.IPV6}),
        IpFamily.DUAL: frozenset({Capability.IPV4, Capability.IPV6, Capability.DUAL_STACK}),
    }[family]
