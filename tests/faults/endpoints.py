"""EndpointSlices that are read wrongly. These need the API, to know what there is to be read."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable

import dns.message
import dns.rcode
import dns.rrset

from faults.kit import Needs, Upstream, asked, changes_knowing, deny, of_type, replace
from kube_dns_conformance.kube import Object

SERVICE = re.compile(r"([^.]+)\.([^.]+)\.svc\..*")
READINESS = (
    "headless.ready.*",
    "readiness.*",
    "headless.hostname.*",
    "survival.*",
    "headless.address.no-ready-endpoint",
)
BY_HAND = (
    "negative.types.*",
    "schema.*",
    "headless.*",
    "selectorless.*",
    "slices.*",
    "readiness.*",
    "replicas.*",
    "transport.*",
    "ttl.*",
)
"""What is judged on EndpointSlices that no controller made."""
BEHIND = ("clusterip.*", "selectorless.*", "externalname.*", "survival.*", "replicas.*", "schema.*", "ttl.*")
TTL_SECONDS = 5


@changes_knowing("unready-included", "headless.ready.not-ready-left-out", *READINESS, needs=Needs.API)
def unready(answer: dns.message.Message, upstream: Upstream) -> None:
    """Endpoints that are not ready are answered as well."""
    _add(answer, upstream, lambda condition: condition.get("ready") is False and not condition.get("terminating"))


@changes_knowing("terminating-included", "headless.ready.terminating-left-out", *READINESS, needs=Needs.API)
def terminating(answer: dns.message.Message, upstream: Upstream) -> None:
    """Endpoints on their way out are answered while they serve."""
    _add(answer, upstream, lambda condition: bool(condition.get("terminating") and condition.get("serving")))


@changes_knowing("unknown-readiness-left-out", "headless.ready.unknown-counts", *BY_HAND, needs=Needs.API)
def unknown(answer: dns.message.Message, upstream: Upstream) -> None:
    """Endpoints that say nothing of their readiness are left out."""
    _leave_out(answer, upstream, lambda condition: "ready" not in condition)


@changes_knowing("published-left-out", "readiness.published.not-ready-answered", *READINESS, needs=Needs.API)
def published(answer: dns.message.Message, upstream: Upstream) -> None:
    """Endpoints that do not serve are left out, though their Service wants them published."""
    _leave_out(answer, upstream, lambda condition: condition.get("serving") is False)


@changes_knowing(
    "first-slice-only",
    "slices.many.hundred-fifty",
    "slices.*",
    "headless.*",
    "transport.*",
    *READINESS,
    needs=Needs.API,
)
def first_slice(answer: dns.message.Message, upstream: Upstream) -> None:
    """Of several EndpointSlices only the first is read."""
    slices = _slices(answer, upstream)
    kept = {address for one in slices[:1] for address in _addresses([one])}
    _remove(answer, _addresses(slices) - kept)


@changes_knowing("once-for-each-slice", "slices.many.endpoint-in-two", "slices.*", needs=Needs.API)
def in_two(answer: dns.message.Message, upstream: Upstream) -> None:
    """An endpoint in two EndpointSlices is answered twice."""
    slices = [_addresses([each]) for each in _slices(answer, upstream)]
    for one in of_type(answer, "A", "AAAA"):
        times = sum(one[0].address in each for each in slices)
        replace(answer, one, *[one[0].address] * max(times, 1))


@changes_knowing("endpoints-behind-clusterip", "clusterip.address.ipv4", *BEHIND, needs=Needs.API)
def behind(answer: dns.message.Message, upstream: Upstream) -> None:
    """Services with a ClusterIP are answered with the addresses behind them."""
    found, rdtype = of_type(answer, "A", "AAAA"), asked(answer)[1]
    addresses = _of(rdtype, _addresses(_slices(answer, upstream, headless=False)))
    if len(found) == 1 and addresses:
        replace(answer, found[0], *addresses)


@changes_knowing("made-by-hand-ignored", "selectorless.headless.address", *BY_HAND, needs=Needs.API)
def by_hand(answer: dns.message.Message, upstream: Upstream) -> None:
    """EndpointSlices that no controller made are not read."""
    slices = _slices(answer, upstream)
    if slices and not any("endpointslice.kubernetes.io/managed-by" in one["metadata"]["labels"] for one in slices):
        deny(answer, "NXDOMAIN")


def _add(answer: dns.message.Message, upstream: Upstream, wanted: Callable[[Object], bool]) -> None:
    name, rdtype = asked(answer)
    known = {one[0].address for one in of_type(answer, "A", "AAAA")}
    more = _of(rdtype, _addresses(_slices(answer, upstream), wanted) - known)
    if more:
        answer.set_rcode(dns.rcode.NOERROR)
        answer.authority = []
        answer.answer += [dns.rrset.from_text(name, TTL_SECONDS, "IN", rdtype, one) for one in more]


def _leave_out(answer: dns.message.Message, upstream: Upstream, unwanted: Callable[[Object], bool]) -> None:
    had_some = bool(answer.answer)
    _remove(answer, _addresses(_slices(answer, upstream), unwanted))
    if had_some and not answer.answer:
        deny(answer, "NXDOMAIN")


def _remove(answer: dns.message.Message, addresses: set[str]) -> None:
    for one in of_type(answer, "A", "AAAA"):
        if one[0].address in addresses:
            answer.answer.remove(one)


def _slices(answer: dns.message.Message, upstream: Upstream, *, headless: bool = True) -> list[Object]:
    """The EndpointSlices of the Service that was asked for by its own name, in the order of their names."""
    name, rdtype = asked(answer)
    parts = SERVICE.fullmatch(name)
    if parts is None or rdtype not in ("A", "AAAA"):
        return []
    service, namespace = parts.groups()
    services = upstream.listed("v1", "Service", namespace)
    kinds = {one["metadata"]["name"]: one["spec"].get("clusterIP") == "None" for one in services}
    if kinds.get(service) is not headless:
        return []
    slices = [
        one
        for one in upstream.listed("discovery.k8s.io/v1", "EndpointSlice", namespace)
        if one["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service
    ]
    return sorted(slices, key=lambda one: str(one["metadata"]["name"]))


def _addresses(slices: Iterable[Object], wanted: Callable[[Object], bool] = lambda _: True) -> set[str]:
    endpoints = [endpoint for one in slices for endpoint in one.get("endpoints") or ()]
    return {
        str(ipaddress.ip_address(address))
        for endpoint in endpoints
        if wanted(endpoint.get("conditions") or {})
        for address in endpoint["addresses"]
    }


def _of(rdtype: str, addresses: Iterable[str]) -> list[str]:
    version = {"A": 4, "AAAA": 6}.get(rdtype)
    return sorted(one for one in addresses if ipaddress.ip_address(one).version == version)
