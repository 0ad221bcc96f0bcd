"""Which answers say the same, told by their bytes alone."""

from __future__ import annotations

import struct

from kube_dns_conformance.agent.exchange import HEADER_BYTES

LONGEST_LABEL = 63
ADDRESS_HEADS = (b"\xc0\x0c\x00\x01\x00\x01", b"\xc0\x0c\x00\x1c\x00\x01")
"""How a record of type A or AAAA begins that has the name of the question."""
ADDRESS_RECORDS = (16, 28)
"""How many bytes they have."""


def alike(wire: bytes) -> bytes:
    """The same for answers that differ in their ids and in the order of their address records, and for no others.

    Records are put in order only where each has the name of the question and an address, so that no name in them leads
    to another place in the message.
    """
    try:
        questions, answers = struct.unpack_from("!HH", wire, 4)
        at = HEADER_BYTES
        while length := wire[at]:
            if length > LONGEST_LABEL:
                return wire[2:]
            at += 1 + length
        at += 5
        records, start = [], at
        for _ in range(answers):
            if wire[at : at + 6] not in ADDRESS_HEADS:
                return wire[2:]
            end = at + 12 + int.from_bytes(wire[at + 10 : at + 12], "big")
            records.append(wire[at:end])
            at = end
    except (IndexError, struct.error):
        return wire[2:]
    if questions != 1 or at > len(wire) or any(len(one) not in ADDRESS_RECORDS for one in records):
        return wire[2:]
    return wire[2:start] + b"".join(sorted(records)) + wire[at:]
