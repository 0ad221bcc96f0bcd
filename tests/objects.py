"""Services, EndpointSlices and Pods in short form, as the API server gives them."""

from __future__ import annotations

from typing import Any

from kube_dns_conformance.kube import Object


def service(name: str = "web", *ips: str, namespace: str = "shop", ports: object = None, **spec: Any) -> Object:
    """A Service with these ClusterIPs; ``ports`` are (name, number) or (name, number, protocol)."""
    made: Object = {"type": "ClusterIP", "ports": [_port(*one) for one in ports]} if isinstance(ports, list) else {}
    if ips:
        made |= {"clusterIP": ips[0], "clusterIPs": list(ips)}
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", "resourceVersion": "1"},
        "spec": made | spec,
    }


def headless(name: str = "web", *, namespace: str = "shop", ports: object = None, **spec: Any) -> Object:
    """A headless Service."""
    return service(name, "None", namespace=namespace, ports=ports, **spec)


def external(target: str, name: str = "db", namespace: str = "shop") -> Object:
    """A Service of type ExternalName."""
    return service(name, namespace=namespace, type="ExternalName", externalName=target)


def endpoint(*addresses: str, hostname: str | None = None, ready: bool | None = True, pod: str = "") -> Object:
    """One endpoint; ``pod`` is the name in its targetRef."""
    made: Object = {"addresses": list(addresses), "conditions": {"ready": ready}}
    if hostname is not None:
        made["hostname"] = hostname
    if pod:
        made["targetRef"] = {"kind": "Pod", "name": pod, "namespace": "shop"}
    return made


def endpoint_slice(
    *endpoints: Object, of: str = "web", name: str = "web-1", namespace: str = "shop", ports: object = None
) -> Object:
    """An EndpointSlice of the Service ``of``, of the family of its first address."""
    addresses = [address for one in endpoints for address in one.get("addresses") or []]
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"{namespace}/{name}",
            "resourceVersion": "1",
            "labels": {"kubernetes.io/service-name": of},
        },
        "addressType": "IPv6" if addresses and ":" in addresses[0] else "IPv4",
        "endpoints": list(endpoints),
        "ports": [_port(*one) for one in ports] if isinstance(ports, list) else ports,
    }


def pod(name: str, *ips: str, namespace: str = "shop") -> Object:
    """A running Pod with these addresses."""
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", "resourceVersion": "1"},
        "spec": {},
        "status": {"phase": "Running", "podIPs": [{"ip": ip} for ip in ips]},
    }


def _port(name: str, number: int | None, protocol: str = "TCP") -> Object:
    return ({"name": name} if name else {}) | {"port": number, "protocol": protocol}
