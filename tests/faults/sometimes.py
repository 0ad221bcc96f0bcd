"""Right at times: what asking once would not notice."""

from __future__ import annotations

import itertools
import time

from faults.kit import Say, denied, fitting, parsed, says
from kube_dns_conformance.dns.model import Transport

ALL = ("*",)
LATE_SECONDS = 2.5
"""Longer than the suite waits for an answer."""


@says("servfail-every-fifth", "survival.pod-restart.siblings-unbroken", *ALL)
def fifth() -> Say:
    """Every fifth answer is SERVFAIL."""
    number = itertools.count(1)

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        return said if next(number) % 5 else denied(query, transport, said, "SERVFAIL")

    return say


@says("address-missing-every-fifth", "survival.pod-restart.siblings-unbroken", *ALL)
def lacking() -> Say:
    """Every fifth answer lacks an address."""
    number = itertools.count(1)

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        answer = parsed(said)
        if len(answer.answer) < 2 or next(number) % 5:
            return said
        answer.answer.pop()
        return fitting(answer, query, transport)

    return say


@says("right-only-at-first", "clusterip.address.ipv4", *ALL)
def at_first() -> Say:
    """The first answer to a question is right, and every later one denies the name."""
    known: set[tuple[Transport, bytes]] = set()

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        key = transport, query[2:]
        if key not in known:
            known.add(key)
            return said
        return denied(query, transport, said, "NXDOMAIN")

    return say


@says("too-late", "clusterip.address.ipv4", *ALL)
def late() -> Say:
    """Answers come when nobody waits for them any more."""

    def say(_query: bytes, _transport: Transport, said: bytes) -> bytes:
        time.sleep(LATE_SECONDS)
        return said

    return say
