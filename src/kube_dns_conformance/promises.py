"""The oracle: what Services, EndpointSlices and Pods say that DNS must, must not and may answer, and why.

Pure: objects in, promises out; no I/O, and never what DNS said before. Linear in the number of endpoints.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from kube_dns_conformance.dns.compare import ANY_LABEL, Choice, Expected, Kind, normal
from kube_dns_conformance.kube import Object
from kube_dns_conformance.oracle import RDTYPE_OF_FAMILY, service_name, srv_name

SERVICE_LABEL = "kubernetes.io/service-name"
ADDRESS_TYPES = ("A", "AAAA")


class Key(NamedTuple):
    """What is asked: an absolute name in lower case, and a record type."""

    name: str
    rdtype: str


class Why(NamedTuple):
    """Where a promise comes from: the section of the specification, the object, and what in it."""

    section: str
    kind: str
    namespace: str
    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.what} of {self.kind} {self.namespace}/{self.name} ({self.section})"


_NONE: Mapping[str, Why] = MappingProxyType({})


class Promise(NamedTuple):
    """What is promised of one question. Values are rdata as `compare.value` reduces them.

    ``closed`` says that nothing else may be there, ``empty`` what comes back when nothing must; ``optional`` that the
    server need not know the name at all.
    """

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
        choices = [choice for choice, _ in self.choices]
        if self.may:
            choices.append(Choice(frozenset(self.may), 0))
        if self.is_alias:
            return Expected("alias", frozenset(self.must))
        if not self.must and not any(choice.count for choice in choices):
            # What may be there makes the name exist, or not.
            return Expected("at most", choices=tuple(choices)) if choices else Expected(self.empty)
        return Expected("exactly" if self.closed else "at least", frozenset(self.must), tuple(choices))

    def why(self, value: str) -> str:
        """Why a record must be there, or must not. Empty when no object speaks of it."""
        for known in (self.must, self.must_not, self.may):
            if value in known:
                return str(known[value])
        return next((str(why) for choice, why in self.choices if choice.matches(value)), "")


Promises = dict[Key, Promise]


class _Endpoint(NamedTuple):
    """One address of one endpoint, with the ports of its slice by name and protocol.

    An endpoint's addresses are interchangeable, and readers may take the first one alone: the others may be there.
    """

    address: str
    rdtype: str
    hostname: str
    ready: bool
    is_first: bool
    identity: str
    slice_name: str
    ports: dict[tuple[str, str], int | None]


def expected(services: Iterable[Object], slices: Iterable[Object], pods: Iterable[Object], zone: str) -> Promises:
    """Everything that these objects promise. ``zone`` is the cluster domain without a final dot.

    Objects are taken as the API server gives them; what is half made or half deleted promises what it says now.
    """
    promises: Promises = {}
    behind = _by_service(slices)
    for service in services:
        spec, meta = service.get("spec") or {}, service["metadata"]
        if spec.get("type") == "ExternalName":
            _external(promises, service, zone)
        elif spec.get("clusterIP") == "None":
            _headless(promises, service, behind.get((meta["namespace"], meta["name"]), ()), zone)
        elif any(_cluster_ips(spec)):
            _regular(promises, service, zone)
    _pods(promises, pods, zone)
    return promises


def _regular(promises: Promises, service: Object, zone: str) -> None:
    """Section 2.3."""
    name, spec = service_name(service, zone), service["spec"]
    ips = {_rdtype(ip): normal(ip) for ip in _cluster_ips(spec)}
    for rdtype in ADDRESS_TYPES:
        must = {ips[rdtype]: _why("2.3.1", service, "ClusterIP")} if rdtype in ips else _NONE
        promises[Key(name, rdtype)] = Promise(must, empty="no data")
    for ip in ips.values():
        key, why = Key(reverse_name(ip), "PTR"), _why("2.3.3", service, "ClusterIP")
        promises[key] = Promise({name: why}, closed=False)
    for port in spec.get("ports") or []:
        if port.get("name"):
            why = _why("2.3.2", service, f"port {port['name']}")
            key = Key(srv_name(service, port, zone), "SRV")
            promises[key] = Promise({f"{port['port']} {name}": why}, closed=False)


def _headless(promises: Promises, service: Object, slices: Iterable[Object], zone: str) -> None:
    """Section 2.4."""
    name = service_name(service, zone)
    endpoints = list(_endpoints(slices))
    _addresses(promises, name, service, endpoints)
    named: dict[str, list[_Endpoint]] = {}
    for one in endpoints:
        if one.hostname:
            named.setdefault(one.hostname, []).append(one)
    for hostname, some in named.items():
        _addresses(promises, f"{hostname}.{name}", service, some)
    ready = [one for one in endpoints if one.ready and one.is_first]
    for port in (service["spec"].get("ports") or []) if ready else []:
        if port.get("name"):
            _headless_srv(promises, service, port, ready, zone)
    for one in ready:
        _headless_ptr(promises, service, one, name)


def _addresses(promises: Promises, name: str, service: Object, endpoints: list[_Endpoint]) -> None:
    """Section 2.4.1: a record for each ready endpoint under this name; without any it does not exist."""
    must: dict[str, Why] = {}
    may: dict[str, Why] = {}
    must_not: dict[str, Why] = {}
    exists = False
    # The controller makes such endpoints ready; where somebody else made the slices, readings differ.
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    for one in endpoints:
        why = _why_endpoint("2.4.1", service, one)
        if one.ready and one.is_first:
            must[one.address], exists = why, True
        elif one.ready or published:
            may[one.address] = why
        else:
            must_not[one.address] = why
    empty: Kind = "no data" if exists else "no such name"
    for known in (must_not, may):
        for address in known.keys() & must.keys():
            del known[address]  # ready in one slice and not in another
    for rdtype in ADDRESS_TYPES:
        there, gone, perhaps = (_of_type(some, rdtype) for some in (must, must_not, may))
        promises[Key(name, rdtype)] = Promise(there, gone, perhaps, empty=empty)


def _of_type(some: Mapping[str, Why], rdtype: str) -> Mapping[str, Why]:
    found = {ip: why for ip, why in some.items() if (":" in ip) == (rdtype == "AAAA")} if some else None
    return found or _NONE


def _headless_srv(promises: Promises, service: Object, port: Object, ready: list[_Endpoint], zone: str) -> None:
    """Section 2.4.2. The text says the Service's port number, servers may serve the endpoint's: either will do."""
    name, key = service_name(service, zone), (port["name"], port.get("protocol", "TCP"))
    hostnames: dict[str, tuple[set[int], _Endpoint]] = {}
    nameless: dict[frozenset[str], dict[str, _Endpoint]] = {}
    for one in ready:
        if key not in one.ports:
            continue  # an endpoint that does not have the port, as with a target port by name
        numbers = {int(port["port"]), int(one.ports[key] or port["port"])}
        if one.hostname:
            hostnames.setdefault(one.hostname, (set(), one))[0].update(numbers)
        else:
            nameless.setdefault(frozenset(f"{number} {ANY_LABEL}{name}" for number in numbers), {})[one.identity] = one
    must: dict[str, Why] = {}
    choices: list[tuple[Choice, Why]] = []
    for hostname, (numbers, one) in hostnames.items():
        values, why = [f"{number} {hostname}.{name}" for number in numbers], _why_endpoint("2.4.2", service, one)
        if len(values) == 1:
            must[values[0]] = why
        else:
            choices.append((Choice(frozenset(values)), why))
    for some, identities in nameless.items():
        first = next(iter(identities.values()))
        choices.append((Choice(some, len(identities)), _why_endpoint("2.4.2", service, first)))
    if must or choices:
        promises[Key(srv_name(service, port, zone), "SRV")] = Promise(must, choices=tuple(choices), closed=False)


def _headless_ptr(promises: Promises, service: Object, one: _Endpoint, name: str) -> None:
    """Section 2.4.3. An address behind several Services needs one right name: servers differ in how many they give."""
    target = f"{one.hostname}.{name}" if one.hostname else f"{ANY_LABEL}{name}"
    key, why = Key(reverse_name(one.address), "PTR"), _why_endpoint("2.4.3", service, one)
    before = promises.get(key)
    if before is None:
        must, choices = ({target: why}, ()) if one.hostname else (_NONE, ((Choice(frozenset({target})), why),))
        promises[key] = Promise(must, choices=choices, closed=False)
    elif before.choices or target not in before.must:
        known = frozenset(before.must).union(*(choice.values for choice, _ in before.choices))
        promises[key] = Promise(choices=((Choice(known | {target}), why),), closed=False)


def _external(promises: Promises, service: Object, zone: str) -> None:
    """Section 2.5. An IP address as external name is no domain name: nothing is promised of it."""
    target = str(service["spec"].get("externalName") or "").rstrip(".").lower()
    if not target or _is_address(target):
        return
    why = _why("2.5", service, "externalName")
    for rdtype in (*ADDRESS_TYPES, "CNAME"):
        promises[Key(service_name(service, zone), rdtype)] = Promise({f"{target}.": why}, is_alias=True)


def _pods(promises: Promises, pods: Iterable[Object], zone: str) -> None:
    """Section 2.6: a server may know Pods by their addresses."""
    for pod in pods:
        meta = pod["metadata"]
        for one in (pod.get("status") or {}).get("podIPs") or []:
            ip = normal(one["ip"])
            key = Key(pod_record_name(ip, meta["namespace"], zone), _rdtype(ip))
            why = Why("2.6", "Pod", meta["namespace"], meta["name"], "address")
            promises[key] = Promise({ip: why}, optional=True)


def pod_record_name(ip: str, namespace: str, zone: str) -> str:
    """``<a>-<b>-<c>-<d>.<namespace>.pod.<zone>.`` (section 2.6)."""
    return f"{ip.replace('.', '-').replace(':', '-')}.{namespace}.pod.{zone}."


def reverse_name(ip: str) -> str:
    """The name that PTR records of an address have (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    if ":" not in ip:
        a, b, c, d = ip.split(".")
        return f"{d}.{c}.{b}.{a}.in-addr.arpa."
    return f"{ipaddress.ip_address(ip).reverse_pointer}."


def _by_service(slices: Iterable[Object]) -> dict[tuple[str, str], list[Object]]:
    found: dict[tuple[str, str], list[Object]] = {}
    for one in slices:
        meta = one["metadata"]
        if service := (meta.get("labels") or {}).get(SERVICE_LABEL):
            found.setdefault((meta["namespace"], service), []).append(one)
    return found


def _endpoints(slices: Iterable[Object]) -> Iterator[_Endpoint]:
    for one in slices:
        rdtype = RDTYPE_OF_FAMILY.get(one.get("addressType", ""))
        if rdtype is None:
            continue  # a kind of address that no record can hold
        ports = {
            (port.get("name") or "", port.get("protocol") or "TCP"): port.get("port") for port in one.get("ports") or []
        }
        slice_name = one["metadata"]["name"]
        for endpoint in one.get("endpoints") or []:
            ready = (endpoint.get("conditions") or {}).get("ready") is not False
            hostname = (endpoint.get("hostname") or "").lower()
            target = (endpoint.get("targetRef") or {}).get("name")
            for at, address in enumerate(endpoint.get("addresses") or []):
                ip = normal(address) if rdtype == "AAAA" else address
                yield _Endpoint(ip, rdtype, hostname, ready, not at, target or ip, slice_name, ports)


def _why(section: str, service: Object, what: str) -> Why:
    meta = service["metadata"]
    return Why(section, "Service", meta["namespace"], meta["name"], what)


def _why_endpoint(section: str, service: Object, one: _Endpoint) -> Why:
    what = f"{'ready' if one.ready else 'not ready'} endpoint {one.identity}"
    return Why(section, "EndpointSlice", service["metadata"]["namespace"], one.slice_name, what)


def _cluster_ips(spec: Object) -> list[str]:
    ips = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [ip for ip in ips if ip and ip != "None"]


def _rdtype(ip: str) -> str:
    return "AAAA" if ":" in ip else "A"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
