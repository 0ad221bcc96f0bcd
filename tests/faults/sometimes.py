"""Right at times: what asking once would not notice."""

from __future__ import annotations

import itertools
import time

from faults.kit import Say, deny, fitting, parsed, says
from kube_dns_conformance.dns.model import Transport

ALL = ("*",)


@says("servfail-every-fifth", "headless.address.ipv4", *ALL)
def fifth() -> Say:
    """Every fifth answer is SERVFAIL."""
    number = itertools.count(1)

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        if next(number) % 5:
            return said
        answer = parsed(said)
        deny(answer, "SERVFAIL")
        return fitting(answer, query, transport)

    return say


@says(
    "stale-for-ever", "survival.pod-restart.old-address-gone", "survival.*", "*.becomes-*", "externalname.life.*", "*"
)
def for_ever() -> Say:
    """What was answered once is answered for ever."""
    return _stale(float("inf"))


@says(
    "stale-for-a-minute", "survival.pod-restart.name-follows", "survival.*", "*.becomes-*", "externalname.life.*", "*"
)
def minute() -> Say:
    """What was answered once is answered for a minute, whatever TTL it had."""
    return _stale(60.0)


def _stale(seconds: float) -> Say:
    known: dict[tuple[object, ...], tuple[float, bytes]] = {}

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        key = transport, query[2:]
        at, answer = known.setdefault(key, (time.monotonic(), said))
        if time.monotonic() - at > seconds:
            known[key] = time.monotonic(), said
            return said
        return query[:2] + answer[2:]

    return say
