"""What does not exist: which rcode, with which SOA, and whether it is denied at all."""

from __future__ import annotations

import dns.message
import dns.rcode
import dns.rrset

from faults.kit import FOREIGN, asked, changes, deny

ALL = ("negative.*", "*.family.*", "headless.address.no-ready-endpoint", "*.no-srv", "*.unnamed-port-absent")
DENIED = (
    *ALL,
    *("*.other-protocol-absent", "headless.ready.*", "headless.hostname.*", "readiness.*", "replicas.*", "survival.*"),
    *("statefulset.*", "ttl.*", "transport.*", "externalname.*", "podrecords.*", "clusterip.names.*", "resolver.*"),
)
HIGHEST_KNOWN = 258
"""Few servers know a type with a higher number."""


def _is(answer: dns.message.Message, rcode: str) -> bool:
    return not answer.answer and dns.rcode.to_text(answer.rcode()) == rcode


@changes("nxdomain-as-nodata", "negative.names.unknown-service", *DENIED)
def nodata(answer: dns.message.Message) -> None:
    """Names that do not exist are answered as if they did, with no records."""
    if _is(answer, "NXDOMAIN"):
        deny(answer, "NOERROR")


@changes("nodata-as-nxdomain", "negative.types.clusterip", *DENIED)
def nxdomain(answer: dns.message.Message) -> None:
    """Names that exist are denied when they have no record of the type."""
    if _is(answer, "NOERROR"):
        deny(answer, "NXDOMAIN")


@changes("nxdomain-as-servfail", "negative.names.unknown-service", *DENIED)
def servfail(answer: dns.message.Message) -> None:
    """Instead of a denial there is SERVFAIL."""
    if _is(answer, "NXDOMAIN"):
        deny(answer, "SERVFAIL")


@changes("nxdomain-as-refused", "negative.names.unknown-service", *DENIED)
def refused(answer: dns.message.Message) -> None:
    """Instead of a denial there is REFUSED."""
    if _is(answer, "NXDOMAIN"):
        deny(answer, "REFUSED")


@changes("soa-missing", "negative.soa.name-error", *DENIED)
def soa(answer: dns.message.Message) -> None:
    """Denials have no SOA record."""
    answer.authority = []


@changes("wildcard", "negative.names.unknown-service", *DENIED)
def wildcard(answer: dns.message.Message) -> None:
    """Every name has an address."""
    name, rdtype = asked(answer)
    if _is(answer, "NXDOMAIN") and rdtype == "A":
        answer.set_rcode(dns.rcode.NOERROR)
        answer.answer, answer.authority = [dns.rrset.from_text(name, 5, "IN", "A", FOREIGN["A"])], []


@changes("unknown-type-refused", "negative.types.unknown", *DENIED)
def unknown_type(answer: dns.message.Message) -> None:
    """Types that the server does not know are answered with NOTIMP."""
    if answer.question[0].rdtype > HIGHEST_KNOWN:
        deny(answer, "NOTIMP")
