"""Answers that hold nothing but addresses of the name that was asked, which most do: read in a fraction of the time.

All that comes from a server is a stranger's: nothing here raises for it, and whatever is unusual is left to dnspython.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import dns.ipv4
import dns.ipv6
import dns.rcode

from kube_dns_conformance.dns.model import Record, Records

HEADER = 12
LETTERS = frozenset(string.ascii_lowercase + string.digits + "-_")
SAME_NAME = b"\xc0\x0c"
"""The name of the question, as a pointer to it (RFC 1035 section 4.1.4)."""
TYPES = {b"\0\1\0\1": ("A", 4, dns.ipv4.inet_ntoa), b"\0\x1c\0\1": ("AAAA", 16, dns.ipv6.inet_ntoa)}
"""Of class IN, with how many bytes they have."""
NO_TYPE = "", 0, str
TYPE_AND_CLASS_BYTES = 4
FIXED_BYTES = 10
"""Of type, class, TTL and length."""
NO_TTL = 0x80
"""In the first byte of four (RFC 2181 section 8)."""
NONE, ONE = b"\0\0", b"\0\1"
"""How many there are, in a header."""
RECORDS_KEPT = 16384
QR, AA, TC, OPCODE = 0x80, 0x04, 0x02, 0x78
RCODES = {rcode: dns.rcode.to_text(dns.rcode.Rcode(rcode)) for rcode in range(11)}
OPT, OPT_END = b"\0\0\x29", b"\0" * 6
"""The root, the type; and no extended rcode, version 0, no flag, no option (RFC 6891 section 6.1.3)."""
OPT_BYTES = 11


class Asked(NamedTuple):
    """A question: ``wire`` as it is asked, with type and class, and its ``name`` as text."""

    wire: bytes
    name: str


def asked(query: bytes, name: str) -> Asked | None:
    """What a message asks; None for a name of other letters than the usual, which can be written in several ways."""
    if not LETTERS.issuperset(name.replace(".", "")) or not name.endswith("."):
        return None
    end = HEADER
    while query[end]:
        end += 1 + query[end]
    return Asked(query[HEADER : end + 5], name)


def read(question: Asked, wire: bytes) -> Mapping[str, Any] | None:
    """What an answer says, as `Answer` has it; None where it is not this question's, or holds anything else."""
    if not wire.startswith(question.wire, HEADER):
        return None
    flags, rcode = wire[2], RCODES.get(wire[3] & 0x0F)
    if rcode is None or flags & (QR | OPCODE) != QR or wire[4:6] != ONE or wire[8:10] != NONE:
        return None
    found = _records(question, wire, int.from_bytes(wire[6:8]))
    if found is None or (edns := _edns_version(wire, found[1])) is False:
        return None
    return {
        "rcode": rcode,
        "truncated": bool(flags & TC),
        "records": Records(found[0]),
        "authority": (),
        "authoritative": bool(flags & AA),
        "edns_version": edns,
        "echoed": question.name,
    }


def _records(question: Asked, wire: bytes, count: int) -> tuple[list[Record], int] | None:
    """So many addresses, and where they end; None where there is anything else."""
    at, found = HEADER + len(question.wire), list[Record]()
    owners = SAME_NAME, question.wire[:-TYPE_AND_CLASS_BYTES]
    for _ in range(count):
        owner = next((one for one in owners if wire.startswith(one, at)), None)
        if owner is None:
            return None
        begin = at + len(owner)
        _, size, _ = TYPES.get(wire[begin : begin + 4], NO_TYPE)
        at = begin + FIXED_BYTES + size
        record = wire[begin:at]
        is_whole = len(record) == FIXED_BYTES + size and int.from_bytes(record[8:10]) == size != 0
        if not is_whole or record[4] & NO_TTL:
            return None
        found.append(_record(question.name, record))
    return found, at


def _edns_version(wire: bytes, at: int) -> int | Literal[False] | None:
    """What is at the end: 0 for an OPT record that says nothing more, None for none, False for anything else."""
    if wire[10:12] == NONE and at == len(wire):
        return None
    is_opt = wire.startswith(OPT, at) and wire.endswith(OPT_END) and at + OPT_BYTES == len(wire)
    return 0 if is_opt and wire[10:12] == ONE else False


@lru_cache(RECORDS_KEPT)
def _record(name: str, wire: bytes) -> Record:
    """A record whose type, class, TTL, length and data these are. Of a thousand that are asked again few are others."""
    rdtype, _, text = TYPES[wire[:4]]
    return Record(name, rdtype, int.from_bytes(wire[4:8]), text(wire[10:]))
