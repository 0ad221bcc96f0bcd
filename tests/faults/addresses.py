"""Addresses that are missing, too many, or somebody else's."""

from __future__ import annotations

import re
from collections.abc import Callable

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from faults.kit import FOREIGN, Upstream, asked, changes, changes_knowing, deny, of_type, replace

HEADLESS = (
    "headless.*",
    "readiness.*",
    "selectorless.headless.*",
    "slices.*",
    "transport.*",
    "replicas.*",
    "schema.*",
    "ttl.*",
)
ALL = (
    *HEADLESS,
    "clusterip.*",
    "statefulset.*",
    "survival.*",
    "externalname.*",
    "podrecords.*",
    "selectorless.*",
    "schema.*",
    "ttl.*",
)
ORDINAL = re.compile(r"(web-)(\d+)(\..*)")


@changes("address-last-missing", "headless.address.ipv4", *ALL)
def last_missing(answer: dns.message.Message) -> None:
    """Of several addresses the last is left out."""
    found = of_type(answer, "A", "AAAA")
    if len(found) > 1:
        answer.answer.remove(found[-1])


@changes("address-only-first", "headless.address.ipv4", *ALL)
def only_first(answer: dns.message.Message) -> None:
    """A headless Service answers one address, as if it had a ClusterIP."""
    for one in of_type(answer, "A", "AAAA")[1:]:
        answer.answer.remove(one)


@changes("address-none-but-noerror", "headless.address.ipv4", *ALL)
def none(answer: dns.message.Message) -> None:
    """Names that have addresses are answered without any."""
    for one in of_type(answer, "A"):
        answer.answer.remove(one)


@changes("address-extra", "headless.address.ipv4", *ALL)
def extra(answer: dns.message.Message) -> None:
    """An address of nobody is added where there are several."""
    found = of_type(answer, "A", "AAAA")
    if len(found) > 1:
        replace(answer, found[-1], found[-1][0].to_text(), FOREIGN[asked(answer)[1]])


@changes("address-twice", "headless.address.ipv4", *ALL)
def twice(answer: dns.message.Message) -> None:
    """The same record comes twice."""
    found = of_type(answer, "A", "AAAA")
    if len(found) > 1:
        replace(answer, found[0], *[found[0][0].to_text()] * 2)


@changes("address-foreign", "clusterip.address.ipv4", *ALL)
def foreign(answer: dns.message.Message) -> None:
    """A single address is replaced by one of nobody."""
    found = of_type(answer, "A", "AAAA")
    if len(found) == 1:
        replace(answer, found[0], FOREIGN[asked(answer)[1]])


@changes("address-second-beside-clusterip", "clusterip.address.ipv4", *ALL)
def second(answer: dns.message.Message) -> None:
    """Beside a single address there is another."""
    found = of_type(answer, "A", "AAAA")
    if len(found) == 1:
        replace(answer, found[0], found[0][0].to_text(), FOREIGN[asked(answer)[1]])


@changes_knowing("address-of-the-neighbour", "statefulset.names.own-address", *ALL)
def neighbour(answer: dns.message.Message, upstream: Upstream) -> None:
    """A Pod's name answers the address of the Pod beside it."""
    _instead(answer, upstream, lambda ordinal: str(int(ordinal) ^ 1))


@changes_knowing("address-of-a-longer-ordinal", "statefulset.names.own-address", *ALL)
def longer(answer: dns.message.Message, upstream: Upstream) -> None:
    """The name of web-1 answers the address of web-10."""
    _instead(answer, upstream, lambda ordinal: f"{ordinal}0")


@changes("address-cut-at-a-hundred", "slices.many.hundred-fifty", *HEADLESS)
def cut(answer: dns.message.Message) -> None:
    """No more than 100 addresses are answered."""
    for one in of_type(answer, "A", "AAAA")[100:]:
        answer.answer.remove(one)


@changes("aaaa-empty", "clusterip.address.ipv6", *ALL, "negative.*")
def aaaa_empty(answer: dns.message.Message) -> None:
    """No name has an IPv6 address."""
    if asked(answer)[1] == "AAAA":
        answer.answer = []


@changes("aaaa-servfail", "clusterip.family.other-no-data", *ALL, "negative.*", "schema.*")
def aaaa_servfail(answer: dns.message.Message) -> None:
    """Questions for IPv6 addresses fail."""
    if asked(answer)[1] == "AAAA":
        deny(answer, "SERVFAIL")


def _instead(answer: dns.message.Message, upstream: Upstream, other: Callable[[str], str]) -> None:
    name, rdtype = asked(answer)
    parts, found = ORDINAL.fullmatch(name), of_type(answer, "A", "AAAA")
    if parts is None or len(found) != 1:
        return
    elsewhere = upstream.look_up(f"{parts[1]}{other(parts[2])}{parts[3]}", rdtype)
    if elsewhere:
        replace(answer, found[0], elsewhere[0][0].to_text())


@changes("address-first-missing", "headless.address.ipv4", *ALL)
def first_missing(answer: dns.message.Message) -> None:
    """Of several addresses the first is left out."""
    found = of_type(answer, "A", "AAAA")
    if len(found) > 1:
        answer.answer.remove(found[0])


@changes_knowing("aaaa-mapped", "clusterip.family.other-no-data", *ALL, "negative.*")
def mapped(answer: dns.message.Message, upstream: Upstream) -> None:
    """What has an IPv4 address alone answers it as a mapped IPv6 address."""
    name, rdtype = asked(answer)
    if rdtype != "AAAA" or answer.answer or answer.rcode() != dns.rcode.NOERROR:
        return
    found = [one for one in upstream.look_up(name, "A") if one.rdtype == dns.rdatatype.A]
    values = [f"::ffff:{one[0].address}" for one in found]
    answer.answer = [dns.rrset.from_text(name, 5, "IN", "AAAA", value) for value in values]
