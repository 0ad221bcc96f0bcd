"""How names are understood."""

from __future__ import annotations

import dns.message
import dns.name

from faults.kit import Say, Upstream, asked, changes, deny, of_type, replace, says
from kube_dns_conformance.agent.exchange import HEADER_BYTES
from kube_dns_conformance.dns.model import Transport


@changes("case-sensitive", "schema.case.insensitive", "schema.*")
def sensitive(answer: dns.message.Message, _: Upstream) -> None:
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
def version(answer: dns.message.Message, _: Upstream) -> None:
    """There is no record that says which schema it is."""
    if asked(answer)[0].startswith("dns-version."):
        deny(answer, "NXDOMAIN")


@changes("version-wrong", "schema.version.record", "schema.*")
def other_version(answer: dns.message.Message, _: Upstream) -> None:
    """The schema is said to be one that there never was."""
    for one in of_type(answer, "TXT"):
        replace(answer, one, '"9.9.9"')


@changes("owner-of-another", "clusterip.address.ipv4", "*")
def owner(answer: dns.message.Message, _: Upstream) -> None:
    """The records are those of another name than the one that was asked for."""
    for one in answer.answer:
        one.name = dns.name.from_text("other.svc.cluster.local.")


@changes("pod-records-missing", "podrecords.dashed.ipv4", "podrecords.*", "replicas.*")
def pods(answer: dns.message.Message, _: Upstream) -> None:
    """Pods have no names by their address, but for the one by which it is found out whether they have."""
    name, _rdtype = asked(answer)
    if ".pod." in name and not name.startswith("192-0-2-1."):
        deny(answer, "NXDOMAIN")
