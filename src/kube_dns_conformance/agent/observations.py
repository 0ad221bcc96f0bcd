"""What is asked again and again, and what was seen: plain values that travel between the suite and the agent."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple


class Probe(NamedTuple):
    """One question at one server over one transport, udp or tcp. ``wire`` is the question; its id is not used."""

    host: str
    port: int
    transport: str
    wire: bytes


class Said(NamedTuple):
    """What came back, without its id; or why there is no whole message, and all there is of it.

    ``cut``: it came over TCP, because what had come over UDP was truncated (RFC 7766 section 5). ``zipped`` is what
    came, compressed: a name with a thousand addresses, written out with each, is another answer with each that changes.
    """

    zipped: bytes = b""
    problem: str | None = None
    cut: bool = False

    @classmethod
    def of(cls, wire: bytes, problem: str | None = None, *, cut: bool = False) -> Said:
        """What came back, as it came."""
        return cls(zlib.compress(wire, 1), problem, cut)

    @property
    def wire(self) -> bytes:
        """What came, as it came."""
        return zlib.decompress(self.zipped) if self.zipped else b""

    def as_text(self) -> list[Any]:
        """For a line of JSON."""
        return [base64.b64encode(self.zipped).decode(), self.problem, self.cut]

    @classmethod
    def from_text(cls, text: Sequence[Any]) -> Said:
        """The same, read."""
        zipped, problem, cut = text
        return cls(base64.b64decode(zipped), problem, cut)


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
