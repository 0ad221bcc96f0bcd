"""How names are understood."""

from __future__ import annotations

import dns.message
import dns.name

from faults.kit import Say, Upstream, asked, changes, deny, parsed, says
from kube_dns_conformance.dns.model import Transport

HEADER = 12


@changes("case-sensitive", "schema.case.insensitive", "schema.*")
def sensitive(answer: dns.message.Message, _: Upstream) -> None:
    """Names are found only in lower case."""
    if str(answer.question[0].name) != asked(answer)[0]:
        deny(answer, "NXDOMAIN")


@says("case-not-echoed", "schema.case.echoed", "schema.*")
def not_echoed() -> Say:
    """The question comes back in lower case, whatever it was asked in."""

    def say(_query: bytes, _transport: Transport, said: bytes) -> bytes:
        end = HEADER + len(dns.name.from_text(asked(parsed(said))[0]).to_digestable())
        return said[:HEADER] + said[HEADER:end].lower() + said[end:]

    return say


@changes("version-missing", "schema.version.record", "schema.*")
def version(answer: dns.message.Message, _: Upstream) -> None:
    """There is no record that says which schema it is."""
    if asked(answer)[0].startswith("dns-version."):
        deny(answer, "NXDOMAIN")
