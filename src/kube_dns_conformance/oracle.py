"""What the objects say must be true. Pure functions over API objects: no I/O, and never what DNS said before."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from kube_dns_conformance.kube import Object

SERVICE_LABEL = "kubernetes.io/service-name"
"""Of an EndpointSlice: the Service that it is of, in the same namespace."""
RDTYPE_VERSION = {"A": 4, "AAAA": 6}
RDTYPE_OF_FAMILY = {"IPv4": "A", "IPv6": "AAAA"}


def service_name(service: Object, zone: str) -> str:
    """``<service>.<namespace>.svc.<zone>.`` (section 2.3.1 and 2.4.1)."""
    meta = service["metadata"]
    return f"{meta['name']}.{meta['namespace']}.svc.{zone}."


def srv_name(service: Object, port: Object, zone: str) -> str:
    """``_<port>._<protocol>.<service>.<namespace>.svc.<zone>.`` (section 2.3.2 and 2.4.2)."""
    return f"_{port['name']}._{port.get('protocol', 'TCP').lower()}.{service_name(service, zone)}"


def pod_name(pod: Object, service: Object, zone: str) -> str:
    """``<hostname>.<service>...`` of a Pod that has a hostname (section 2.4.1)."""
    return f"{pod['spec']['hostname']}.{service_name(service, zone)}"


def cluster_ips(service: Object, rdtype: str) -> list[str]:
    """The ClusterIPs of the family that ``rdtype`` (A or AAAA) speaks of; none for a headless Service."""
    return of_family((ip for ip in service["spec"].get("clusterIPs", []) if ip != "None"), rdtype)


def is_ready(pod: Object) -> bool:
    """Whether a Pod is a ready endpoint: its condition says so, it has an address and is not on its way out."""
    status = pod.get("status", {})
    if pod["metadata"].get("deletionTimestamp") or not status.get("podIPs"):
        return False
    return has_condition(pod, "Ready")


def pod_ips(pod: Object) -> list[Object]:
    """The addresses of a Pod, ready or not, as its status lists them."""
    return list(pod.get("status", {}).get("podIPs") or [])


def has_condition(item: Object, kind: str) -> bool:
    """Whether a Pod's or a Node's condition of this type is true."""
    return any(one["type"] == kind and one["status"] == "True" for one in item.get("status", {}).get("conditions", []))


def pod_addresses(pods: Iterable[Object], rdtype: str) -> list[str]:
    """The addresses of the ready Pods of the family that ``rdtype`` speaks of."""
    return of_family((one["ip"] for pod in pods if is_ready(pod) for one in pod["status"]["podIPs"]), rdtype)


def published_addresses(service: Object, pods: Iterable[Object], rdtype: str) -> list[str]:
    """The addresses of the Pods that a Service publishes: the ready ones, or all that have one where it says so."""
    if not service["spec"].get("publishNotReadyAddresses"):
        return pod_addresses(pods, rdtype)
    return of_family((one["ip"] for pod in pods for one in pod_ips(pod)), rdtype)


def selected(service: Object, pods: Iterable[Object]) -> list[Object]:
    """The Pods that the Service's selector chooses; none for a Service without a selector."""
    wanted = (service["spec"].get("selector") or {}).items()
    return [pod for pod in pods if wanted and wanted <= pod["metadata"].get("labels", {}).items()]


def is_ready_endpoint(endpoint: Object) -> bool:
    """Whether an endpoint of an EndpointSlice is ready: one that says nothing of it is."""
    return (endpoint.get("conditions") or {}).get("ready") is not False


def slice_addresses(slices: Iterable[Object], service: Object) -> set[str]:
    """The addresses of the Service's ready endpoints, as its EndpointSlices have them."""
    name = service["metadata"]["name"]
    return {
        address
        for one in slices
        if one["metadata"].get("labels", {}).get(SERVICE_LABEL) == name
        for endpoint in one.get("endpoints") or []
        if is_ready_endpoint(endpoint)
        for address in endpoint["addresses"]
    }


def of_family(addresses: Iterable[str], rdtype: str) -> list[str]:
    """Those of ``addresses`` that a record of ``rdtype`` can hold."""
    return [one for one in addresses if _version(one) == RDTYPE_VERSION[rdtype]]


@lru_cache(maxsize=100_000)
def _version(address: str) -> int:
    return ipaddress.ip_address(address).version


def rdtypes(service: Object) -> list[str]:
    """A, AAAA or both: the record types that a Service's families have, its first family first."""
    return [RDTYPE_OF_FAMILY[family] for family in service["spec"]["ipFamilies"]]


def available_rdtype(service: Object) -> str:
    """The record type of a Service's first family, for tests to which the family does not matter."""
    return rdtypes(service)[0]
