"""What a situation's objects say must be answered now: questions and what must come back, in every family there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from kube_dns_conformance import oracle, promises
from kube_dns_conformance.dns.compare import Expected, exactly, no_data, no_such_name
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.kube import Object
from kube_dns_conformance.mirror import revision
from kube_dns_conformance.situations import Situation

KINDS = ("Service", "EndpointSlice")
STATES_KEPT = 64
"""What is promised is asked for before and after every round, and hardly ever changes meanwhile."""


def regular(situation: Situation, service: str) -> Expectations:
    """The name of a Service with a ClusterIP: that address and nothing else (section 2.3.1)."""
    found, name = situation.service(service), situation.name_of(service)
    return {Question(name, rdtype): exactly(oracle.cluster_ips(found, rdtype)) for rdtype in oracle.rdtypes(found)}


def regular_or_gone(situation: Situation, service: str, before: Expectations) -> Expectations:
    """The same for a Service that comes and goes: without it, what was asked ``before`` does not exist."""
    return regular(situation, service) if situation.has_service(service) else gone(before)


def gone(before: Expectations) -> Expectations:
    """None of the names that were asked before exists."""
    return {question: no_such_name() for question in before}


def headless(situation: Situation, service: str) -> Expectations:
    """A headless Service's own name: a record per published Pod, and without any it does not exist (section 2.4.1)."""
    name = situation.name_of(service)
    return _addresses(name, situation.service(service), situation.pods(service))


def pods(situation: Situation, service: str, hostnames: Iterable[str] | None = None) -> Expectations:
    """The names of the Pods behind a headless Service, or these hostnames; a hostname without a Pod does not exist."""
    found, behind = situation.service(service), {pod["spec"]["hostname"]: pod for pod in situation.pods(service)}
    wanted, below = behind if hostnames is None else hostnames, situation.name_of(service)
    return {
        question: must
        for one in wanted
        for question, must in _addresses(f"{one}.{below}", found, [behind[one]] if one in behind else []).items()
    }


def of_each_kind(situation: Situation, service: str, headless_service: str) -> Expectations:
    """A Service with a ClusterIP, a headless one, and the names of the Pods behind this."""
    whole = {**regular(situation, service), **headless(situation, headless_service)}
    return {**whole, **pods(situation, headless_service)}


def _addresses(name: str, service: Object, behind: list[Object]) -> Expectations:
    of_family = {rdtype: oracle.published_addresses(service, behind, rdtype) for rdtype in oracle.rdtypes(service)}
    return {Question(name, rdtype): _some(found, any(of_family.values())) for rdtype, found in of_family.items()}


def _some(addresses: list[str], exists: bool) -> Expected:
    if addresses:
        return exactly(addresses)
    return no_data() if exists else no_such_name()


def promised(situation: Situation, rdtype: str, *names: str) -> Expectations:
    """What the Services and EndpointSlices of a situation promise of these names, see `promises`.

    Raises ValueError for a name that they say nothing of.
    """
    known = _known(_Stated.of(situation))
    unknown = [name for name in names if promises.Key(name, rdtype) not in known]
    if unknown or not names:
        raise ValueError(f"nothing is promised of {' '.join(unknown) or 'no name'} {rdtype}")
    return {Question(name, rdtype): known[promises.Key(name, rdtype)].expected() for name in names}


@dataclass(frozen=True)
class _Stated:
    """Services and EndpointSlices as they were with these revisions, which alone tell them apart."""

    zone: str
    revisions: tuple[str, ...]
    services: list[Object] = field(compare=False)
    slices: list[Object] = field(compare=False)

    @classmethod
    def of(cls, situation: Situation) -> _Stated:
        services, slices = (situation.mirror.objects(kind, situation.namespace) for kind in KINDS)
        return cls(situation.zone, tuple(revision(one) for one in (*services, *slices)), services, slices)


@lru_cache(STATES_KEPT)
def _known(stated: _Stated) -> Mapping[promises.Key, promises.Promise]:
    return promises.expected(stated.services, stated.slices, (), stated.zone)


def promised_addresses(situation: Situation, *names: str) -> Expectations:
    """The same for both address families."""
    return {**promised(situation, "A", *names), **promised(situation, "AAAA", *names)}


def srv_names(situation: Situation, service: str) -> list[str]:
    """The names of the SRV records of a Service's named ports (section 2.3.2, 2.4.2)."""
    found = situation.service(service)
    return [oracle.srv_name(found, port, situation.zone) for port in found["spec"]["ports"] if port.get("name")]
