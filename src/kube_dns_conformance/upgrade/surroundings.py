"""What happens around DNS while a cluster is upgraded: its replicas and its Service come and go, nodes are drained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kube_dns_conformance.agent.discovery import leading_to, of_address, replicas_of
from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.oracle import SERVICE_LABEL, has_condition
from kube_dns_conformance.upgrade.seen import DNS_REPLICA

Mark = Callable[[str, str, str], None]


class Surroundings:
    """Followed with `look`; what is otherwise than the last time is told to ``mark``: a kind, a name, and what.

    ``addresses`` are what Pods are told to ask; empty where nobody knows, as when servers were named. ``replicas`` are
    the hosts behind them: behind a cache on the nodes that tells which Service is followed.
    """

    def __init__(self, live: Live, kube: Kube, addresses: Iterable[str], replicas: Iterable[str], mark: Mark) -> None:
        self._live = live
        self._kube = kube
        self._addresses = frozenset(addresses)
        services = list(live.objects("Service"))
        known = frozenset(replicas)
        self._behind = {
            address: self._name(found)
            for address in self._addresses
            if not of_address(services, address) and (found := leading_to(known, services, address, self._slices))
        }
        self._mark = mark
        self._known: dict[tuple[str, str], str] = {}
        self._services: dict[str, str] = {}
        self._replicas_before: set[Server] | None = None

    def look(self) -> set[Server]:
        """See what has changed; the DNS replicas that are ready. Raises ClusterError when the API server is away."""
        self._note_services()
        now_there = set(self._replicas())
        before, self._replicas_before = self._replicas_before, now_there
        if before is not None:
            for server in now_there - before:
                self._mark(DNS_REPLICA, server.name, f"is ready at {server.host}")
            for server in before - now_there:
                self._mark(DNS_REPLICA, server.name, "is not ready any more")
        for node in self._kube.list("v1", "Node")[0]:
            self._note("Node", node["metadata"]["name"], _state_of(node))
        return now_there

    def _note_services(self) -> None:
        """What has become of the Services that Pods are told to ask."""
        there: dict[str, str] = {}
        for service in self._live.objects("Service"):
            addresses = service["spec"]["clusterIPs"] or []
            if self._name(service) in self._services or self._addresses.intersection(addresses):
                there[self._name(service)] = " ".join(addresses)
        self._services = dict.fromkeys(self._services, "") | there
        for name, addresses in self._services.items():
            self._note("Service", name, f"has the address {addresses}" if addresses else "is gone")

    def _replicas(self) -> Iterator[Server]:
        services = list(self._live.objects("Service"))
        for address in self._addresses:
            if service := of_address(services, address) or self._behind_cache(services, address):
                yield from replicas_of(service, self._slices(service), address)

    def _behind_cache(self, services: list[Object], address: str) -> Object | None:
        name = self._behind.get(address)
        return next((one for one in services if self._name(one) == name), None)

    def _slices(self, service: Object) -> list[Object]:
        return [one for one in self._live.objects("EndpointSlice") if _belongs(one, service)]

    def _note(self, kind: str, name: str, said: str) -> None:
        before = self._known.get((kind, name))
        self._known[kind, name] = said
        if before not in (None, said):
            self._mark(kind, name, said)

    @staticmethod
    def _name(service: Object) -> str:
        return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def _belongs(one: Object, service: Object) -> bool:
    meta = service["metadata"]
    labels = one["metadata"].get("labels", {})
    return bool(one["metadata"]["namespace"] == meta["namespace"] and labels.get(SERVICE_LABEL) == meta["name"])


def _state_of(node: Object) -> str:
    """What an upgrade does to a node."""
    parts = [
        f"kubelet {node['status']['nodeInfo']['kubeletVersion']}",
        "ready" if has_condition(node, "Ready") else "not ready",
        *(["cordoned"] if node["spec"].get("unschedulable") else []),
    ]
    return ", ".join(parts)
