"""Which answers say the same, told by their bytes alone."""

from __future__ import annotations

import struct

from kube_dns_conformance.agent.exchange import HEADER_BYTES

LONGEST_LABEL = 63
POINTER = b"\xc0\x0c"
"""To the name of the question."""
TYPES = (b"\x00\x01\x00\x01", b"\x00\x1c\x00\x01")
"""A and AAAA, of class IN."""
ADDRESS_BYTES = (4, 16)
OPT, OPT_BYTES = b"\0\0\x29", 11
"""The root and the type of an OPT record, and how long one without options is (RFC 6891 section 6.1.2)."""


def alike(wire: bytes) -> bytes:
    """The same for answers that differ in their ids and in the order of their address records, and for no others.

    Records are put in order only where each has the name of the question and an address, and where no name after them
    leads into them, so that they read the same in any order.
    """
    try:
        questions, answers = struct.unpack_from("!HH", wire, 4)
        start = _end_of_name(wire, HEADER_BYTES) + 4
        name = wire[HEADER_BYTES : start - 4]
        heads = tuple(first + kind for first in (name, POINTER) for kind in TYPES)
        records, at = [], start
        for _ in range(answers):
            if not wire.startswith(heads, at):
                return wire[2:]
            length = at + (len(POINTER) if wire.startswith(POINTER, at) else len(name)) + 8
            size = int.from_bytes(wire[length : length + 2], "big")
            end = length + 2 + size
            if size not in ADDRESS_BYTES or end > len(wire):
                return wire[2:]
            records.append(wire[at:end])
            at = end
    except (IndexError, struct.error, ValueError):
        return wire[2:]
    if questions != 1 or _leads_into(wire, start, at):
        return wire[2:]
    return wire[2:start] + b"".join(sorted(records)) + wire[at:]


def _end_of_name(wire: bytes, at: int) -> int:
    """Raises ValueError when it is not written out, IndexError when it does not end."""
    while length := wire[at]:
        if length > LONGEST_LABEL:
            raise ValueError("no name that is written out")
        at += 1 + length
    return at + 1


def _leads_into(wire: bytes, start: int, end: int) -> bool:
    """Whether anything from ``end`` on may be a pointer into what is between."""
    if wire.startswith(OPT, end) and len(wire) == end + OPT_BYTES:
        return False  # there is no name in it, though the size that it offers may look like a pointer
    return any(
        wire[at] >= POINTER[0] and start <= ((wire[at] & 0x3F) << 8 | wire[at + 1]) < end
        for at in range(end, len(wire) - 1)
    )
