"""Behind the times: what was true is said for a while longer, or nothing is while it changes."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from faults.kit import Needs, Say, asked, denied, parsed, says
from kube_dns_conformance.agent.alike import alike
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.model import Transport

RESTART = ("survival.*", "*.becomes-*", "externalname.life.*", "*")
FLAP_SECONDS = 0.3
FLAPS_FOR_SECONDS = 6.0
DENIES_FOR_SECONDS = 2.0


class Said(NamedTuple):
    """What the real server said to a question, from when on (of the monotonic clock)."""

    at: float
    wire: bytes


class Changed(NamedTuple):
    """The real server said something else to a question, from ``at`` on (epoch seconds): here lies began."""

    name: str
    rdtype: str
    transport: Transport
    at: float


CHANGES: list[Changed] = []
"""All of this process, so that what is measured can be compared with what was done."""


class Turn(NamedTuple):
    """One answer to a question, given at ``at`` (epoch seconds); ``is_old`` when it was not what is true."""

    name: str
    rdtype: str
    transport: Transport
    at: float
    is_old: bool


TURNS: list[Turn] = []
"""All of this process, so that what was seen can be compared with what was said. A busy machine asks less often."""


class Memory:
    """What the real server has said to each question, one after the other."""

    def __init__(self) -> None:
        self._known: dict[tuple[Transport, bytes], list[Said]] = {}

    def of(self, query: bytes, transport: Transport, said: bytes) -> list[Said]:
        """Everything that it said to this question, the last of it now."""
        known = self._known.setdefault((transport, query[2:]), [Said(-math.inf, said)])
        if alike(said) != alike(known[-1].wire):
            known.append(Said(time.monotonic(), said))
            CHANGES.append(Changed(*asked(parsed(said)), transport, now()))
        return known

    def note(self, said: bytes, transport: Transport, *, is_old: bool) -> None:
        """What is answered in place of what the real server said, or as it said it."""
        TURNS.append(Turn(*asked(parsed(said)), transport, now(), is_old))


def _behind(seconds: float) -> Say:
    memory = Memory()

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        known = memory.of(query, transport, said)
        then = time.monotonic() - seconds
        wire = next((one.wire for one in reversed(known) if one.at <= then), known[0].wire)
        memory.note(said, transport, is_old=wire is not known[-1].wire)
        return query[:2] + wire[2:]

    return say


@says("stale-for-ever", "survival.pod-restart.old-address-gone", *RESTART, in_order=True)
def for_ever() -> Say:
    """What was answered once is answered for ever."""
    return _behind(math.inf)


@says("stale-for-a-minute", "survival.pod-restart.name-follows", *RESTART, in_order=True)
def minute() -> Say:
    """Every change is answered a minute late."""
    return _behind(60.0)


@says("stale-for-twenty-seconds", "survival.pod-restart.name-follows", *RESTART, in_order=True)
def twenty_seconds() -> Say:
    """Every change is answered twenty seconds late."""
    return _behind(20.0)


@says("stale-for-five-seconds", "survival.pod-restart.name-follows", *RESTART, in_order=True)
def five_seconds() -> Say:
    """Every change is answered five seconds late."""
    return _behind(5.0)


@says("one-replica-behind", "survival.pod-restart.name-follows", *RESTART, needs=Needs.RIGHT_REPLICA, in_order=True)
def one_behind() -> Say:
    """One of two replicas answers every change five seconds late."""
    return _behind(5.0)


@says("flaps", "survival.pod-restart.name-follows", *RESTART, in_order=True)
def flaps() -> Say:
    """For six seconds after a change old and new answers take turns, 0.3 s each."""
    memory = Memory()

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        known = memory.of(query, transport, said)
        age = time.monotonic() - known[-1].at
        is_old = age < FLAPS_FOR_SECONDS and int(age / FLAP_SECONDS) % 2 == 0
        memory.note(said, transport, is_old=is_old)
        return query[:2] + known[-2].wire[2:] if is_old else said

    return say


@says("name-error-while-updating", "survival.pod-restart.siblings-unbroken", *RESTART, in_order=True)
def denies() -> Say:
    """For two seconds after a change the name does not exist."""
    memory = Memory()

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        known = memory.of(query, transport, said)
        is_denied = time.monotonic() - known[-1].at < DENIES_FOR_SECONDS
        memory.note(said, transport, is_old=is_denied)
        if is_denied:
            return denied(query, transport, said, "NXDOMAIN")
        return said

    return say
