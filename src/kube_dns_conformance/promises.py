"""The oracle: what Services, EndpointSlices and Pods say that DNS must, must not and may answer, and why.

Pure: objects in, promises out; no I/O, and never what DNS said before. Linear in the number of endpoints.
"""

from __future__ import annotations

import gc
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple

from kube_dns_conformance.dns.compare import ANY_LABEL, Choice, Expected, Kind, is_address
from kube_dns_conformance.dns.model import normal
from kube_dns_conformance.kube import Object
from kube_dns_conformance.oracle import RDTYPE_OF_FAMILY, SERVICE_LABEL, is_ready_endpoint, service_name, srv_name

PUBLISH_ANNOTATION = "service.alpha.kubernetes.io/tolerate-unready-endpoints"
"""What section 2.1 still names; ``spec.publishNotReadyAddresses`` took its place."""
HAS_ENDED = ("Succeeded", "Failed")
ADDRESS_TYPES = ("A", "AAAA")


class Key(NamedTuple):
    """What is asked: an absolute name in lower case, and a record type."""

    name: str
    rdtype: str


class Why(NamedTuple):
    """Where a record comes from: the object, and what in it."""

    kind: str
    namespace: str
    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.what} of {self.kind} {self.namespace}/{self.name}"


_NONE: Mapping[str, Why] = MappingProxyType({})
_DENIED: Mapping[Kind, Expected] = {kind: Expected(kind) for kind in ("no such name", "no data", "nothing")}


class Promise(NamedTuple):
    """What is promised of one question. Values are rdata as `compare.value` reduces them.

    ``section`` is that of the specification. ``closed`` says that nothing else may be there, ``empty`` what comes back
    when nothing must; ``optional`` that the server need not know the name at all.
    """

    section: str
    must: Mapping[str, Why] = _NONE
    must_not: Mapping[str, Why] = _NONE
    may: Mapping[str, Why] = _NONE
    choices: tuple[tuple[Choice, Why], ...] = ()
    closed: bool = True
    empty: Kind = "no such name"
    is_alias: bool = False
    optional: bool = False

    def expected(self) -> Expected:
        """What an answer must hold."""
        if self.is_alias:
            return Expected("alias", frozenset(self.must))
        must: Kind = "exactly" if self.closed else "at least"
        if not self.choices and not self.may:
            return Expected(must, frozenset(self.must)) if self.must else _DENIED[self.empty]
        choices = [choice for choice, _ in self.choices] + ([Choice(frozenset(self.may), 0)] if self.may else [])
        if not self.must and not any(choice.count for choice in choices):
            return Expected("at most", choices=tuple(choices))  # what may be there makes the name exist, or not
        return Expected(must, frozenset(self.must), tuple(choices))

    def why(self, value: str) -> str:
        """Why a record must be there, or must not, or may. Empty when no object speaks of it."""
        for known in (self.must, self.must_not, self.may):
            if value in known:
                return f"{known[value]} ({self.section})"
        return next((f"{why} ({self.section})" for choice, why in self.choices if choice.matches(value)), "")


Promises = dict[Key, Promise]
_Behind = dict[tuple[str, str], list[Object]]
_NO_ADDRESS: dict[Kind, Promise] = {
    empty: Promise("2.4.1", empty=empty) for empty in ("no data", "nothing", "no such name")
}


class _Endpoint(NamedTuple):
    """One address of one endpoint, with the ports of its slice by name and protocol.

    ``target`` is its hostname below the Service's name, or `ANY_LABEL` there; ``identity`` tells such endpoints apart.
    An endpoint's addresses are interchangeable, and readers may take the first one alone: the others may be there.
    """

    address: str
    rdtype: str
    target: str
    ready: bool
    is_first: bool
    identity: str
    ports: dict[tuple[str, str], int | None]
    why: Why


def expected(services: Iterable[Object], slices: Iterable[Object], pods: Iterable[Object], zone: str) -> Promises:
    """Everything that these objects promise. ``zone`` is the cluster domain without a final dot.

    Objects are taken as the API server gives them; what is half made or half deleted promises what it says now.
    """
    promises: Promises = {}
    with _without_collecting():
        _add(promises, services, _by_service(slices), zone)
        _pods(promises, pods, zone)
    return promises


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Nothing made here is garbage: the collector would look through all of it again and again, for half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _add(promises: Promises, services: Iterable[Object], behind: _Behind, zone: str) -> None:
    for service in services:
        spec, meta = service.get("spec") or {}, service["metadata"]
        if spec.get("type") == "ExternalName":
            _external(promises, service, zone)
        elif spec.get("clusterIP") == "None":
            _headless(promises, service, behind.get((meta["namespace"], meta["name"]), ()), zone)
        elif any(_cluster_ips(spec)):
            _regular(promises, service, zone)


def _regular(promises: Promises, service: Object, zone: str) -> None:
    """Section 2.3."""
    name, spec = service_name(service, zone), service["spec"]
    ips = {_rdtype(ip): normal(ip) for ip in _cluster_ips(spec)}
    why = _why(service, "ClusterIP")
    for rdtype in ADDRESS_TYPES:
        promises[Key(name, rdtype)] = Promise("2.3.1", {ips[rdtype]: why} if rdtype in ips else _NONE, empty="no data")
    for ip in ips.values():
        _pointer(promises, "2.3.3", ip, name, why)
    for port in _named_ports(spec):
        must = {f"{port['port']} {name}": _why(service, f"port {port['name']}")}
        promises[Key(srv_name(service, port, zone), "SRV")] = Promise("2.3.2", must)


def _headless(promises: Promises, service: Object, slices: Iterable[Object], zone: str) -> None:
    """Section 2.4."""
    name, published = service_name(service, zone), _publishes_not_ready(service)
    endpoints = list(_endpoints(slices, name))
    _addresses(promises, name, endpoints, published=published)
    named: dict[str, list[_Endpoint]] = {}
    for one in endpoints:
        if not one.target.startswith(ANY_LABEL):
            named.setdefault(one.target, []).append(one)
    for target, some in named.items():
        _addresses(promises, target, some, published=published)
    ready = [one for one in endpoints if one.ready and one.is_first]
    for port in _named_ports(service["spec"]):
        _headless_srv(promises, Key(srv_name(service, port, zone), "SRV"), port, ready)
    for one in ready:
        _pointer(promises, "2.4.3", one.address, one.target, one.why)


def _addresses(promises: Promises, name: str, endpoints: Iterable[_Endpoint], *, published: bool) -> None:
    """Section 2.4.1: a record for each ready endpoint under this name; without any it does not exist."""
    must: dict[str, Why] = {}
    may: dict[str, Why] = {}
    must_not: dict[str, Why] = {}
    rdtypes = set()
    for one in endpoints:
        rdtypes.add(one.rdtype)
        if one.ready and one.is_first:
            must[one.address] = one.why
        elif one.ready or published:
            may[one.address] = one.why
        else:
            must_not[one.address] = one.why
    if may or must_not:  # what is ready in one slice may not be so in another
        may = {address: why for address, why in may.items() if address not in must}
        must_not = {address: why for address, why in must_not.items() if address not in must and address not in may}
    # What may be there in one family may make the name exist in the other.
    empty: Kind = "no data" if must else "nothing" if may else "no such name"
    for rdtype in ADDRESS_TYPES:
        if rdtype not in rdtypes:
            promises[Key(name, rdtype)] = _NO_ADDRESS[empty]
            continue
        there, gone, perhaps = (must, must_not, may)
        if len(rdtypes) > 1:
            there, gone, perhaps = (_of_type(some, rdtype) for some in (must, must_not, may))
        promises[Key(name, rdtype)] = Promise("2.4.1", there, gone, perhaps, empty=empty)


def _publishes_not_ready(service: Object) -> bool:
    """The controller makes such endpoints ready; where somebody else made the slices, readings differ."""
    annotations = service["metadata"].get("annotations") or {}
    return bool(service["spec"].get("publishNotReadyAddresses")) or annotations.get(PUBLISH_ANNOTATION) == "true"


def _of_type(some: dict[str, Why], rdtype: str) -> dict[str, Why]:
    return {ip: why for ip, why in some.items() if _rdtype(ip) == rdtype}


def _headless_srv(promises: Promises, asked: Key, port: Object, ready: list[_Endpoint]) -> None:
    """Section 2.4.2. The text says the Service's port number, servers may serve the endpoint's: either will do."""
    key, number = (port["name"], port.get("protocol", "TCP")), port["port"]
    must: dict[str, Why] = {}
    others: dict[str, set[int]] = {}
    whys: dict[str, Why] = {}
    pods: set[str] = set()
    addresses: set[str] = set()
    for one in ready:
        if key not in one.ports:
            continue  # an endpoint that does not have the port, as with a target port by name
        its_own = one.ports[key] or number
        if one.target.startswith(ANY_LABEL):
            pods.add(one.identity)
            addresses.add(one.address)
        elif its_own == number:
            must[f"{number} {one.target}"] = one.why
            continue
        others.setdefault(one.target, {number}).add(its_own)
        whys[one.target] = one.why
    choices = []
    for target, numbers in sorted(others.items(), reverse=True):  # ANY_LABEL last, as it matches the others' too
        must.pop(f"{number} {target}", None)  # of another endpoint with this hostname
        values = frozenset(f"{one} {target}" for one in numbers)
        # Those without a hostname together: which number is whose does not show, as the label is the server's. It may
        # be made of the address, which Pods share on their node's network, or of the Pod, which may have two.
        count = min(len(pods), len(addresses)) if target.startswith(ANY_LABEL) else 1
        choices.append((Choice(values, count), whys[target]))
    if must or choices:
        promises[asked] = Promise("2.4.2", must, choices=tuple(choices), closed=False)


def _pointer(promises: Promises, section: str, address: str, target: str, why: Why) -> None:
    """An address known by several names needs one of them: servers differ in how many they give."""
    key = Key(reverse_name(address), "PTR")
    before = promises.get(key)
    if before is None:
        is_choice = target.startswith(ANY_LABEL)
        choices = ((Choice(frozenset({target})), why),) if is_choice else ()
        promises[key] = Promise(section, _NONE if is_choice else {target: why}, choices=choices, closed=False)
        return
    known = before.choices[0][0].values if before.choices else frozenset(before.must)
    if target not in known:
        promises[key] = Promise(section, choices=((Choice(known | {target}), why),), closed=False)


def _external(promises: Promises, service: Object, zone: str) -> None:
    """Section 2.5. An IP address as external name is no domain name: nothing is promised of it."""
    target = str(service["spec"].get("externalName") or "").rstrip(".").lower()
    if not target or is_address(target):
        return
    must = {f"{target}.": _why(service, "externalName")}
    for rdtype in (*ADDRESS_TYPES, "CNAME"):
        promises[Key(service_name(service, zone), rdtype)] = Promise("2.5", must, is_alias=True)


def _pods(promises: Promises, pods: Iterable[Object], zone: str) -> None:
    """Section 2.6: a server may know Pods by their addresses. Of one that ends, or has ended, nothing is sure."""
    for pod in pods:
        meta, status = pod["metadata"], pod.get("status") or {}
        if meta.get("deletionTimestamp") or status.get("phase") in HAS_ENDED:
            continue
        for one in status.get("podIPs") or []:
            ip = normal(one["ip"])
            key = Key(pod_record_name(ip, meta["namespace"], zone), _rdtype(ip))
            why = Why("Pod", meta["namespace"], meta["name"], "address")
            promises[key] = Promise("2.6", {ip: why}, optional=True)


def pod_record_name(ip: str, namespace: str, zone: str) -> str:
    """``<a>-<b>-<c>-<d>.<namespace>.pod.<zone>.`` (section 2.6)."""
    return f"{ip.replace('.', '-').replace(':', '-')}.{namespace}.pod.{zone}."


def reverse_name(ip: str) -> str:
    """The name that PTR records of an address have (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    if ":" not in ip:
        a, b, c, d = ip.split(".")
        return f"{d}.{c}.{b}.{a}.in-addr.arpa."
    return f"{ipaddress.ip_address(ip).reverse_pointer}."


def address_of(reverse: str) -> str:
    """The address that PTR records of this name are about: the opposite of `reverse_name`.

    An audit does this for every endpoint without a hostname, and dnspython's takes many times as long.
    """
    digits, _, family = reverse.removesuffix(".arpa.").rpartition(".")
    if family == "in-addr":
        return ".".join(reversed(digits.split(".")))
    return str(ipaddress.IPv6Address(int(digits[::-1].replace(".", ""), 16)))


def _by_service(slices: Iterable[Object]) -> _Behind:
    found: _Behind = {}
    for one in slices:
        meta = one["metadata"]
        if service := (meta.get("labels") or {}).get(SERVICE_LABEL):
            found.setdefault((meta["namespace"], service), []).append(one)
    return found


def _endpoints(slices: Iterable[Object], name: str) -> Iterator[_Endpoint]:
    """``name`` is that of the Service, which endpoints are named below."""
    for one in slices:
        rdtype, meta = RDTYPE_OF_FAMILY.get(one.get("addressType") or ""), one["metadata"]
        if rdtype is None:
            continue  # a kind of address that no record can hold
        ports = {
            (port.get("name") or "", port.get("protocol") or "TCP"): port.get("port") for port in one.get("ports") or []
        }
        for endpoint in one.get("endpoints") or []:
            ready = is_ready_endpoint(endpoint)
            hostname = endpoint.get("hostname")
            target = f"{hostname.lower()}.{name}" if hostname else f"{ANY_LABEL}{name}"
            pod = (endpoint.get("targetRef") or {}).get("name")
            for at, address in enumerate(endpoint.get("addresses") or []):
                ip = normal(address) if rdtype == "AAAA" else address
                what = f"{'ready' if ready else 'not ready'} endpoint {pod or ip}"
                why = Why("EndpointSlice", meta["namespace"], meta["name"], what)
                yield _Endpoint(ip, rdtype, target, ready, not at, pod or ip, ports, why)


def _why(service: Object, what: str) -> Why:
    meta = service["metadata"]
    return Why("Service", meta["namespace"], meta["name"], what)


def _named_ports(spec: Object) -> list[Object]:
    return [port for port in spec.get("ports") or [] if port.get("name")]


def _cluster_ips(spec: Object) -> list[str]:
    ips = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [ip for ip in ips if ip and ip != "None"]


def _rdtype(ip: str) -> str:
    return "AAAA" if ":" in ip else "A"
