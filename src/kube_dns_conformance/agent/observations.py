"""What is asked again and again, and what was seen: plain values that travel between the suite and the agent."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Probe(NamedTuple):
    """One question at one server over one transport, udp or tcp. ``wire`` is the question; its id is not used."""

    host: str
    port: int
    transport: str
    wire: bytes


class Said(NamedTuple):
    """What came back, without its id; or why there is no whole message, and all there is of it.

    ``cut``: it came over TCP, because what had come over UDP was truncated (RFC 7766 section 5).
    """

    wire: bytes = b""
    problem: str | None = None
    cut: bool = False


class Seen(NamedTuple):
    """One observation. ``probe`` and ``said`` are indices; ``sent`` is when it was asked, ``seconds`` how long it took
    until it was answered or given up."""

    probe: int
    sent: float
    seconds: float
    said: int


PACKED = struct.Struct("!IddI")
"""A `Seen` where many are held: one of them takes seven times as much as an object."""


def packed(some: Iterable[Seen]) -> bytes:
    """For holding them."""
    return b"".join(PACKED.pack(*one) for one in some)


def unpacked(data: bytes) -> Iterator[Seen]:
    """What `packed` was given; of what was cut off at its end, all that is whole."""
    return map(Seen._make, PACKED.iter_unpack(memoryview(data)[: len(data) // PACKED.size * PACKED.size]))
