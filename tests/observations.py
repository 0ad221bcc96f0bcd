"""Observations in short form, so that a test can spell out a whole timeline."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from kube_dns_conformance.dns.model import Answer, Question, Record, Records, Server, Transport

WEB = Question("web.shop.svc.cluster.local.", "A")
DNS_0, DNS_1 = Server("dns-0", "10.96.0.10"), Server("dns-1", "10.96.0.11")


def seen(
    *values: str,
    at: float = 0.0,
    question: Question = WEB,
    server: Server = DNS_0,
    transport: Transport = "udp",
    rcode: str | None = "NOERROR",
    ttl: int = 5,
    problem: str | None = None,
    truncated: bool = False,
) -> Answer:
    """What ``server`` said at ``at``: these rdata under the name and type that were asked for."""
    records = Records(Record(question.name, question.rdtype, ttl, value) for value in values)
    rcode = None if problem else rcode
    return Answer(question, server, transport, at, 0.001, rcode, problem, truncated, records)


def silent(at: float = 0.0, question: Question = WEB, server: Server = DNS_0) -> Answer:
    """No answer."""
    return seen(at=at, question=question, server=server, problem="no answer within 2 s")


def row(*said: str, server: Server = DNS_0) -> list[Answer]:
    """One answer each second, from 0 on: addresses with blanks between; "" is NXDOMAIN, "!" SERVFAIL, "-" silence."""
    return [_one(text, float(at), server) for at, text in enumerate(said)]


def rows(
    alphabet: Sequence[str] = ("10.0.0.1", "10.0.0.2", "10.0.0.1 10.0.0.2", "", "!", "-"),
) -> st.SearchStrategy[list[Answer]]:
    """Any timeline of one lane that is made of these."""
    return st.lists(st.sampled_from(alphabet), max_size=12).map(lambda said: row(*said))


def _one(text: str, at: float, server: Server) -> Answer:
    if text == "-":
        return silent(at, server=server)
    if text == "!":
        return seen(at=at, server=server, rcode="SERVFAIL")
    return seen(*text.split(), at=at, server=server, rcode="NOERROR" if text else "NXDOMAIN")
