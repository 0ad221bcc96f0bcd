"""Any cluster that a kubeconfig names, asked at the DNS servers that the user names, else from inside.

In a Pod where there is no kubeconfig, it is the Pod's own cluster, as its service account.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
import re
import socket
from collections.abc import Iterable
from pathlib import Path

from kube_dns_conformance.clusters import store
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.clusters.zone import DEFAULT_ZONE, find_zone
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.kube import Kube

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a Pod has the token of its service account."""


def connect(
    kubeconfig: str, context: str, zone: str, dns_servers: Iterable[str], *, read_only: bool = False
) -> Cluster:
    """Connect and see what the cluster can do. Without ``dns_servers`` its DNS is to be found from inside.

    ``read_only``: look at no more than a reader may see, which leaves the families to the Services that are there.

    Raises UsageError for a wrong option, ClusterError when out of reach.
    """
    servers = parse_servers(dns_servers)
    path = kubeconfig_file(kubeconfig)
    kube = Kube(path, context or None)
    version = kube.version()
    capabilities = (families_seen(kube) if read_only else families(kube)) | (
        {Capability.DNS_REPLICAS} if len(servers) > 1 else frozenset()
    )
    found = zone or (find_zone(kube, servers) if servers else None)
    note = "" if zone else "as its DNS says" if found else "assumed, --zone says another"
    return Cluster(
        provider="existing",
        name=context or path.name,
        kubeconfig=path,
        context=context or None,
        zone=found or DEFAULT_ZONE,
        dns=servers,
        capabilities=capabilities,
        kubernetes=version,
        zone_note=note,
    )


def kubeconfig_file(chosen: str = "") -> Path:
    """The chosen one, else the user's, else one of the Pod that this is in. Raises UsageError."""
    if chosen:
        return Path(chosen).expanduser()
    variable = os.environ.get("KUBECONFIG", "")
    if os.pathsep in variable:
        raise UsageError("KUBECONFIG names several files", "say with --kubeconfig which one is meant")
    users = Path(variable).expanduser() if variable else Path.home() / ".kube" / "config"
    if not variable and not users.exists() and (SERVICE_ACCOUNT / "token").exists():
        return _kubeconfig_of_the_pod()
    return users


def _kubeconfig_of_the_pod() -> Path:
    """A file that names the token and does not hold it. The API server has its address there: DNS is what is judged."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    name = "service-account"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority": str(SERVICE_ACCOUNT / "ca.crt")}}
        ],
        "users": [{"name": name, "user": {"tokenFile": str(SERVICE_ACCOUNT / "token")}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    path = store.root().with_name(f"{name}.kubeconfig")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(json.dumps(config))
    except OSError as error:
        raise store.cannot_write(path, error) from None
    return path


def with_servers(cluster: Cluster, dns_servers: Iterable[str]) -> Cluster:
    """The same cluster, asked at other servers, and so not from inside: what its Pods are told is another matter."""
    servers = parse_servers(dns_servers)
    capabilities = cluster.capabilities - {Capability.DNS_REPLICAS, Capability.REAL_PODS}
    if len(servers) > 1:
        capabilities |= {Capability.DNS_REPLICAS}
    return dataclasses.replace(cluster, dns=servers, capabilities=capabilities, implementation=())


def parse_servers(texts: Iterable[str]) -> tuple[Server, ...]:
    """``HOST``, ``HOST:PORT``, ``[IPv6]:PORT`` or a bare IPv6 address; each server once, however often it is named.

    Raises UsageError for anything else.
    """
    places = dict.fromkeys(_place(text) for text in texts)
    return tuple(Server(f"server-{index}", host, port) for index, (host, port) in enumerate(places))


def _place(text: str) -> tuple[str, int]:
    host, port = _split(text)
    if not 0 < port < 65536:
        raise UsageError(f"--dns-server {text}: the port must be a number from 1 to 65535")
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][4][0]
    except (socket.gaierror, ValueError):
        raise UsageError(f"--dns-server {text}: {host!r} is neither an address nor a name that resolves") from None
    return _without_mapping(str(address)), port


def _without_mapping(address: str) -> str:
    """``::ffff:10.0.0.1`` is another spelling of ``10.0.0.1``."""
    try:
        return str(getattr(ipaddress.ip_address(address), "ipv4_mapped", None) or address)
    except ValueError:
        return address


def _split(text: str) -> tuple[str, int]:
    bracketed = re.fullmatch(r"\[([^][]*)\](?::(.*))?", text)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    elif text.count(":") > 1:  # an IPv6 address has a port only with brackets
        host, port = text, None
    else:
        host, separator, rest = text.partition(":")
        port = rest if separator else None
    if port is None:
        return host, 53
    return host, int(port) if port.isdecimal() else 0


def families(kube: Kube) -> frozenset[Capability]:
    """The families that a Service of two families is given, asked for without making one."""
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kdc-families", "namespace": "default"},
        "spec": {"ipFamilyPolicy": "PreferDualStack", "ports": [{"port": 80}]},
    }
    return _capabilities(kube.create_dry_run(body)["spec"]["ipFamilies"])


def families_seen(kube: Kube) -> frozenset[Capability]:
    """The families of the Services that are there."""
    found = kube.list("v1", "Service", namespace="default")[0]
    return _capabilities({family for one in found for family in one["spec"].get("ipFamilies") or []})


def _capabilities(found: Iterable[str]) -> frozenset[Capability]:
    names = {"IPv4": Capability.IPV4, "IPv6": Capability.IPV6}
    capabilities = frozenset(names[one] for one in found)
    return capabilities | {Capability.DUAL_STACK} if len(capabilities) == 2 else capabilities
