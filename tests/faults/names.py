"""How names are understood."""

from __future__ import annotations

import re

import dns.message
import dns.name
import dns.rcode
import dns.rrset

from faults.kit import (
    FOREIGN,
    Say,
    Upstream,
    asked,
    changes,
    changes_knowing,
    deny,
    fitting,
    of_type,
    parsed,
    replace,
    says,
)
from kube_dns_conformance.agent.exchange import HEADER_BYTES
from kube_dns_conformance.dns.model import Transport

DENIALS = ("negative.*", "headless.*", "statefulset.*", "survival.*", "readiness.*", "replicas.*", "ttl.*")
HOSTNAMES = (
    "negative.types.*",
    "schema.*",
    "selectorless.*",
    "headless.*",
    "statefulset.*",
    "survival.*",
    "readiness.*",
    "replicas.*",
    "slices.*",
    "ttl.*",
    "transport.*",
)
ADDRESSES = (*HOSTNAMES, "clusterip.*", "externalname.*", "podrecords.*")
LONGEST_LABEL = 63
BELOW_A_SERVICE = re.compile(r"[^_.][^.]*\.([^.]+\.[^.]+\.svc\..*)")
OTHER_KIND = re.compile(r"([^.]+\.[^.]+)\.(?!svc|pod)[^.]+\.(cluster\.local\.)")
WITHOUT_NAMESPACE = re.compile(r"[^.]+\.(?!kdc-)[^.]+\.svc\.cluster\.local\.")


@changes("case-sensitive", "schema.case.insensitive", "schema.*")
def sensitive(answer: dns.message.Message) -> None:
    """Names are found only in lower case."""
    if str(answer.question[0].name) != asked(answer)[0]:
        deny(answer, "NXDOMAIN")


@says("case-not-echoed", "schema.case.echoed", "schema.*")
def not_echoed() -> Say:
    """The question comes back in lower case, whatever it was asked in."""

    def say(_query: bytes, _transport: Transport, said: bytes) -> bytes:
        end = said.index(0, HEADER_BYTES)  # the root label of the question's name
        return said[:HEADER_BYTES] + said[HEADER_BYTES:end].lower() + said[end:]

    return say


@changes("version-missing", "schema.version.record", "schema.*")
def version(answer: dns.message.Message) -> None:
    """There is no record that says which schema it is."""
    if asked(answer)[0].startswith("dns-version."):
        deny(answer, "NXDOMAIN")


@changes("version-wrong", "schema.version.record", "schema.*")
def other_version(answer: dns.message.Message) -> None:
    """What should be the version of the schema is none."""
    for one in of_type(answer, "TXT"):
        replace(answer, one, '"latest"')


@changes("owner-of-another", "clusterip.address.ipv4", "*")
def owner(answer: dns.message.Message) -> None:
    """The records are those of another name than the one that was asked for."""
    for one in answer.answer:
        one.name = dns.name.from_text("other.svc.cluster.local.")


@changes("pod-records-missing", "podrecords.dashed.ipv4", "podrecords.*", "replicas.*")
def pods(answer: dns.message.Message) -> None:
    """Pods have no names by their address, but for the one by which it is found out whether they have."""
    name, _rdtype = asked(answer)
    if ".pod." in name and not name.startswith("192-0-2-1."):
        deny(answer, "NXDOMAIN")


@changes("hostname-missing", "headless.hostname.ipv4", *HOSTNAMES)
def hostname(answer: dns.message.Message) -> None:
    """Endpoints have no names of their own."""
    if BELOW_A_SERVICE.fullmatch(asked(answer)[0]):
        deny(answer, "NXDOMAIN")


@changes_knowing("hostname-of-anybody", "negative.names.unknown-hostname", *DENIALS)
def anybody(answer: dns.message.Message, upstream: Upstream) -> None:
    """Every name below a headless Service is answered like the Service."""
    found = BELOW_A_SERVICE.fullmatch(asked(answer)[0])
    if found and not answer.answer:
        _answer_as(answer, upstream, found[1])


@changes_knowing("kind-ignored", "negative.names.unknown-kind", *DENIALS)
def kind(answer: dns.message.Message, upstream: Upstream) -> None:
    """What stands in the place of svc does not matter."""
    found = OTHER_KIND.fullmatch(asked(answer)[0])
    if found and not answer.answer:
        _answer_as(answer, upstream, f"{found[1]}.svc.{found[2]}")


@changes("namespace-not-needed", "negative.names.without-namespace", *DENIALS)
def without_namespace(answer: dns.message.Message) -> None:
    """Names without a namespace are answered."""
    name, rdtype = asked(answer)
    if WITHOUT_NAMESPACE.fullmatch(name) and rdtype == "A" and not answer.answer:
        answer.set_rcode(dns.rcode.NOERROR)
        answer.answer, answer.authority = [dns.rrset.from_text(name, 5, "IN", "A", FOREIGN["A"])], []


@says("namespace-ignored", "clusterip.srv.target-resolves", *ADDRESSES)
def first_namespace() -> Say:
    """A name is answered as in the namespace in which it was asked for first."""
    known: dict[tuple[str, str, Transport], list[str]] = {}

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        answer = parsed(said)
        name, rdtype = asked(answer)
        labels, found = name.split("."), of_type(answer, "A", "AAAA")
        if labels[2:3] != ["svc"] or not found or len(found) < len(answer.answer):
            return said
        values = known.setdefault((labels[0], rdtype, transport), [one[0].address for one in found])
        answer.answer = [dns.rrset.from_text(name, 5, "IN", rdtype, value) for value in values]
        return fitting(answer, query, transport)

    return say


@changes_knowing("longer-name-too", "clusterip.names.alike", "clusterip.*", "statefulset.*")
def prefix(answer: dns.message.Message, upstream: Upstream) -> None:
    """A Service is answered like the one whose name goes on after its own."""
    name, rdtype = asked(answer)
    service, _, rest = name.partition(".")
    is_service = rest.split(".")[1:2] == ["svc"] and len(service) < LONGEST_LABEL
    elsewhere = upstream.look_up(f"{service}0.{rest}", rdtype) if is_service else []
    if elsewhere and answer.answer:
        answer.answer = [dns.rrset.from_text(name, one.ttl, "IN", rdtype, one[0].to_text()) for one in elsewhere]


@changes("zone-not-served", "clusterip.address.ipv4", "*")
def zone(answer: dns.message.Message) -> None:
    """The names of the zone are refused, as by a server of another one."""
    if asked(answer)[0].endswith(".cluster.local."):
        answer.authority = []
        deny(answer, "REFUSED")


def _answer_as(answer: dns.message.Message, upstream: Upstream, other: str) -> None:
    name, rdtype = asked(answer)
    found = upstream.look_up(other, rdtype)
    if found:
        answer.set_rcode(dns.rcode.NOERROR)
        answer.authority = []
        answer.answer = [dns.rrset.from_text(name, one.ttl, "IN", rdtype, one[0].to_text()) for one in found]
