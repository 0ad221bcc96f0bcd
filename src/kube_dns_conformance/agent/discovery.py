"""Finds the DNS that a Pod uses, from its resolv.conf and from the objects behind the address that is in there.

Never by a name: the Service may be called anything and live anywhere, or a cache on the node may answer in its place.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance.clusters.base import Software
from kube_dns_conformance.dns.compare import is_address
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.images import version_in
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.oracle import SERVICE_LABEL, is_ready_endpoint

DNS_PORT = 53
ROOT_CA = "kube-root-ca.crt"
NOT_A_SERVICE = "resolver"
"""The name of a server that Pods are told to ask and that is no Service, as a cache on their node."""


@dataclass(frozen=True)
class ResolvConf:
    """What matters of a resolv.conf (resolv.conf(5)): of several search lines the last one counts."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dns:
    """The DNS of a cluster: its domain, the addresses that Pods are given, the replicas behind them, what these run."""

    zone: str
    addresses: tuple[Server, ...]
    replicas: tuple[Server, ...]
    software: tuple[Software, ...] = ()

    @property
    def servers(self) -> tuple[Server, ...]:
        """Everything to ask: what Pods ask, and each replica directly."""
        return self.addresses + self.replicas


Knows = Callable[[Sequence[Server], str], bool]
"""Whether one of these servers knows the names of the cluster with this domain."""


def discover(kube: Kube, resolv_conf: str, namespace: str, zone: str = "", knows: Knows | None = None) -> Dns:
    """The DNS that a Pod in ``namespace`` with this resolv.conf uses. ``zone`` is known already when it is not empty.

    Which replicas are behind a cache on the nodes nobody says. It is known where all Services that offer DNS, and whose
    replicas know the cluster, lead to the same ones: NodeLocal DNSCache makes a second one for them. Without ``knows``
    nobody is asked, and none are known.

    Raises ClusterError when the file names no server, or no domain of the cluster.
    """
    found = parse(resolv_conf)
    zone = zone or zone_of(found.search, namespace)
    if not found.nameservers:
        raise ClusterError("the resolv.conf of the agent's Pod names no DNS server")
    if not zone:
        raise ClusterError(
            f"the resolv.conf of the agent's Pod has no search domain {namespace}.svc.<zone>", "say it with --zone"
        )
    addresses, replicas, software = [], [], []
    services = _services(kube)
    for address in found.nameservers:
        service = of_address(services, address)
        addresses.append(Server(service["metadata"]["name"] if service else NOT_A_SERVICE, address, DNS_PORT))
        if service is None and knows:
            service = _behind_cache(kube, services, address, lambda replicas: knows(replicas, zone))
        if service:
            slices = _slices(kube, service)
            replicas += replicas_of(service, slices, address)
            software += list(_software(kube, service, slices))
    return Dns(zone, tuple(addresses), tuple(dict.fromkeys(replicas)), tuple(dict.fromkeys(software)))


def resolv_conf_of_node(kube: Kube, node: str) -> str:
    """What the kubelet of a node writes into the resolv.conf of a Pod in the namespace default, as far as it matters.

    Raises ClusterError.
    """
    said = json.loads(kube.read(f"/api/v1/nodes/{node}/proxy/configz"))["kubeletconfig"]
    lines = [f"nameserver {address}" for address in said.get("clusterDNS", [])]
    zone = said.get("clusterDomain", "")
    return "\n".join([*lines, f"search default.svc.{zone} svc.{zone} {zone}"])


def parse(text: str) -> ResolvConf:
    """Read a resolv.conf. What is no address after ``nameserver`` is passed over, as resolvers do."""
    nameservers: list[str] = []
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_] if is_address(address):
                nameservers.append(address)
            case ["search" | "domain", *names]:
                search = tuple(name.rstrip(".").lower() for name in names)
            case ["options", *names]:
                options += tuple(names)
    return ResolvConf(tuple(dict.fromkeys(nameservers)), search, options)


def zone_of(search: Iterable[str], namespace: str) -> str:
    """The cluster domain, from the search domain that the kubelet makes of it; empty when there is none."""
    head = f"{namespace}.svc."
    return next((name.removeprefix(head) for name in search if name.startswith(head)), "")


def _services(kube: Kube) -> list[Object]:
    try:
        return kube.list("v1", "Service")[0]
    except ClusterError:
        return []  # not everybody may see the Services of all namespaces; what Pods ask is known all the same


def of_address(services: Iterable[Object], address: str) -> Object | None:
    """The Service with this address; None when it is that of a cache on the nodes."""
    return next((one for one in services if address in (one["spec"].get("clusterIPs") or [])), None)


def _behind_cache(
    kube: Kube, services: Iterable[Object], address: str, knows: Callable[[Sequence[Server]], bool]
) -> Object | None:
    led: dict[tuple[Server, ...], Object] = {}
    for service in services:
        replicas = tuple(replicas_of(service, _slices(kube, service), address)) if _offers_dns(service) else ()
        if replicas:
            led.setdefault(tuple(sorted(replicas, key=str)), service)
    known = [service for replicas, service in led.items() if knows(replicas)]
    return known[0] if len(known) == 1 else None


def leading_to(
    hosts: Container[str], services: Iterable[Object], address: str, slices_of: Callable[[Object], Iterable[Object]]
) -> Object | None:
    """The first Service that offers DNS and leads to one of these hosts; ``address`` is of the family that is asked."""
    return next(
        (
            one
            for one in services
            if _offers_dns(one) and any(each.host in hosts for each in replicas_of(one, slices_of(one), address))
        ),
        None,
    )


def _offers_dns(service: Object) -> bool:
    ports = service["spec"].get("ports") or []
    return any((port["port"], port.get("protocol")) == (DNS_PORT, "UDP") for port in ports)


def _slices(kube: Kube, service: Object) -> list[Object]:
    meta = service["metadata"]
    selector = f"{SERVICE_LABEL}={meta['name']}"
    try:
        return kube.list("discovery.k8s.io/v1", "EndpointSlice", namespace=meta["namespace"], label_selector=selector)[
            0
        ]
    except ClusterError:
        return []


def _software(kube: Kube, service: Object, slices: Iterable[Object]) -> Iterator[Software]:
    """What the Pods behind the Service's address run on its DNS port: nothing where nobody may see them."""
    ports = {
        (one["metadata"]["namespace"], endpoint.get("targetRef", {}).get("name")): _target_port(service, one)
        for one in slices
        for endpoint in one.get("endpoints") or []
    }
    labels = ",".join(f"{key}={value}" for key, value in (service["spec"].get("selector") or {}).items())
    try:
        pods, _ = kube.list("v1", "Pod", namespace=service["metadata"]["namespace"], label_selector=labels)
    except ClusterError:
        return
    for pod in pods:
        key = pod["metadata"]["namespace"], pod["metadata"]["name"]
        if container := _serving(pod["spec"]["containers"], ports[key]) if key in ports else None:
            yield Software(*version_in(container["image"]), container["image"])


def _serving(containers: list[Object], port: int) -> Object | None:
    """The container that says it listens on this port, or the only one."""
    saying = [one for one in containers if port in [int(p["containerPort"]) for p in one.get("ports") or []]]
    fitting = saying or containers
    return fitting[0] if len(fitting) == 1 else None


def replicas_of(service: Object, slices: Iterable[Object], address: str) -> list[Server]:
    """The ready endpoints of a Service, of the family of this address of its own."""
    return list(_replicas(service, slices, address))


def configuration(kube: Kube, address: str, replicas: Container[str]) -> dict[str, str]:
    """What is in the ConfigMaps that the DNS replicas behind this address mount, by namespace, name and key.

    Where it is that of a cache on the nodes, those with an address among ``replicas`` are meant.

    Nothing where nobody may see it.
    """
    services = _services(kube)
    service = of_address(services, address) or leading_to(replicas, services, address, partial(_slices, kube))
    selector = (service or {"spec": {}})["spec"].get("selector") or {}
    if not service or not selector:
        return {}
    space = service["metadata"]["namespace"]
    try:
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        pods, _ = kube.list("v1", "Pod", namespace=space, label_selector=labels)
        names = {
            volume["configMap"]["name"]
            for pod in pods
            for volume in pod["spec"].get("volumes") or []
            if "configMap" in volume
        }
        maps = [kube.get("v1", "ConfigMap", name, space) for name in sorted(names - {ROOT_CA})]
    except (ClusterError, NotFoundError):
        return {}
    return {
        f"{space}/{one['metadata']['name']}/{key}": text
        for one in maps
        for key, text in (one.get("data") or {}).items()
    }


def _replicas(service: Object, slices: Iterable[Object], address: str) -> Iterator[Server]:
    family = f"IPv{ipaddress.ip_address(address).version}"  # a replica with two addresses is still one replica
    for one in slices:
        port = _target_port(service, one)
        for endpoint in one.get("endpoints") or []:
            if one["addressType"] == family and port and is_ready_endpoint(endpoint):
                target = endpoint.get("targetRef", {}).get("name")
                yield from (
                    Server(target or host, host, port, single=bool(target)) for host in endpoint["addresses"][:1]
                )


def _target_port(service: Object, one: Object) -> int:
    """The port on which the endpoints of this slice speak what the Service offers on port 53 over UDP."""
    names = {
        p.get("name") or "" for p in service["spec"]["ports"] if (p["port"], p.get("protocol")) == (DNS_PORT, "UDP")
    }
    ports = [p for p in one.get("ports") or [] if (p.get("name") or "") in names and p.get("protocol") == "UDP"]
    return int(ports[0]["port"]) if ports else 0
