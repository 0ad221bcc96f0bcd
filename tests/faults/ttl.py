"""How long answers are said to be kept."""

from __future__ import annotations

import itertools

import dns.message
import dns.rdatatype
import dns.rrset

from faults.kit import Say, changes, fitting, parsed, says
from kube_dns_conformance.dns.model import Transport

ALL = ("ttl.*",)
DAY = 86400


@changes("ttl-zero", "ttl.records.can-be-kept", *ALL)
def zero(answer: dns.message.Message) -> None:
    """No record may be kept."""
    for one in answer.answer:
        one.ttl = 0


@changes("ttl-huge", "ttl.records.bounded", *ALL)
def huge(answer: dns.message.Message) -> None:
    """Every record may be kept for a day."""
    for one in answer.answer:
        one.ttl = DAY


@says("ttl-rising", "ttl.records.bounded", *ALL)
def rising() -> Say:
    """Records may be kept for longer with every answer."""
    number = itertools.count(1)

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        answer = parsed(said)
        for one in answer.answer:
            one.ttl += 10 * next(number)
        return fitting(answer, query, transport)

    return say


@changes("ttl-differs", "ttl.records.alike", *ALL)
def differs(answer: dns.message.Message) -> None:
    """Of several records the first has another TTL than the rest."""
    if len(answer.answer) > 1:
        answer.answer[0].ttl += 1


@changes("denial-for-a-day", "ttl.records.denials-bounded", *ALL)
def denial(answer: dns.message.Message) -> None:
    """What is denied stays denied for a day."""
    for index, one in enumerate(answer.authority):
        if one.rdtype == dns.rdatatype.SOA:
            start = one[0].to_text().rsplit(" ", 1)[0]
            answer.authority[index] = dns.rrset.from_text(one.name, DAY, "IN", "SOA", f"{start} {DAY}")
