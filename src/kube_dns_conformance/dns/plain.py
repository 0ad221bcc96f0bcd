"""Messages in their usual form, as bytes: whole names of the usual letters, nothing unusual beside the records.

All that comes from a server is a stranger's: nothing here raises for it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Container
from functools import lru_cache
from itertools import product

import dns.rcode

from kube_dns_conformance.dns.addresses import HEADER, LETTERS, NONE, ONE, OPT, OPT_BYTES, OPT_END, SAME_NAME
from kube_dns_conformance.dns.ask import PLAIN_UDP_BYTES, message
from kube_dns_conformance.dns.model import Question

LONGEST_LABEL = 63
LONGEST_NAME = 255
POINTER = 0xC0
TYPES = {"A": b"\0\1\0\1", "AAAA": b"\0\x1c\0\1", "SRV": b"\0\x21\0\1", "PTR": b"\0\x0c\0\1"}
"""Type and class IN, of what a glance can tell."""
_AN_ANSWER = 0x80
_AS_IT_LIKES = (0, 1, 4, 5), range(0, 256, 16)
"""AA and RD; RA, AD, CD and what is reserved. Not another opcode than QUERY, and not TC (RFC 1035 section 4.1.1)."""
_POINTER_BITS = 0xC000
_SIZES = {TYPES["A"]: 4, TYPES["AAAA"]: 16}
_ADDRESSES = {kind + size.to_bytes(2, "big"): size for kind, size in _SIZES.items()}
"""Type, class and length of the data."""


def heads(*rcodes: dns.rcode.Rcode) -> frozenset[bytes]:
    """How a plain answer with one of these may begin, behind its id: with its flags, and one question."""
    return frozenset(
        bytes((_AN_ANSWER | first, second | rcode)) + ONE for first, second, rcode in product(*_AS_IT_LIKES, rcodes)
    )


_NOERROR = heads(dns.rcode.NOERROR)


class Plain:
    """A question as it goes over the wire, and the form of a plain answer to it.

    Such an answer is whole, its records are under the name that was asked, and nothing unusual is beside them.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.query, self._asked, self._offered = _written(question)
        self._end = HEADER + len(self._asked)

    def records(self, wire: bytes) -> list[bytes] | None:
        """What is normative of its records, sorted; None where it is not plain, or has none.

        Never raises: the bytes are a stranger's.
        """
        return self._of_type(wire, self._asked[-4:]) if self.question.rdtype in TYPES else None

    def _of_type(self, wire: bytes, kind: bytes) -> list[bytes] | None:
        """The same of records of this type and class."""
        if not self._begins_plainly(wire, _NOERROR) or wire[8:10] != NONE:
            return None
        short, long = SAME_NAME + kind, self._asked[:-4] + kind
        cut = 4 if kind == TYPES["SRV"] else 0  # never priority and weight
        size = _SIZES.get(kind, 0)
        found: list[bytes] = []
        targets: list[int] = []  # of SRV records, which nobody takes for right whose names are not whole
        at = self._end
        for _ in range(int.from_bytes(wire[6:8])):
            if wire.startswith(short, at):
                begin = at + len(short) + 6
            elif wire.startswith(long, at):
                begin = at + len(long) + 6
            else:
                return None
            at = begin + int.from_bytes(wire[begin - 2 : begin])
            if at - begin != size != 0:
                return None
            found.append(wire[begin + cut : at])
            if cut:
                targets.append(begin + cut + 2)
        if len(found) > 1:
            found.sort()
        return found if found and ends_plainly(wire, at, targets) else None

    def _begins_plainly(self, wire: bytes, heads: Container[bytes]) -> bool:
        """An answer to this question, whole, that begins (behind its id) in one of these ways."""
        return wire[2:6] in heads and wire.startswith(self._asked, HEADER) and len(wire) <= self._offered


def _written(question: Question) -> tuple[bytes, bytes, int]:
    """The same as `message` says, sooner for names of the usual letters; what it asks; and how much may come back."""
    begin, asked, end, offered = _of_the_root(question[1:])
    if known := plain(question.name):
        asked = known + asked
        return begin + asked + end, asked, offered
    whole = message(question)
    return whole, whole[HEADER : len(whole) - len(end)], offered


@lru_cache(maxsize=64)
def _of_the_root(how: tuple[str, int | None, int, int | None]) -> tuple[bytes, bytes, bytes, int]:
    """What stands before the name, behind it, and at the end of the message; and how many bytes may come back."""
    question = Question(".", *how)
    wire, end = message(question), HEADER + 1 + 4
    return wire[:HEADER], wire[HEADER + 1 : end], wire[end:], max(question.udp_payload or 0, PLAIN_UDP_BYTES)


def name_end(wire: bytes, at: int, *, whole: bool = False) -> int:
    """Behind a name; 0 when it is malformed, or ends with a pointer and must be ``whole``. No pointer is followed."""
    begin = at
    while at < len(wire) and at - begin < LONGEST_NAME:
        length = wire[at]
        if length == 0:
            return at + 1
        if length >= POINTER:
            return 0 if whole else at + 2
        if length > LONGEST_LABEL:
            return 0
        at += 1 + length
    return 0


def ends_plainly(wire: bytes, at: int, targets: Container[int] = ()) -> bool:
    """What is additional are addresses, and an OPT record that says nothing.

    Their names are whole, or pointers to one of ``targets``: where the names begin that records have as their target.
    """
    if wire[10:12] == ONE and len(wire) == at + OPT_BYTES:
        return wire.startswith(OPT, at) and wire.endswith(OPT_END)
    opts = 0
    for _ in range(int.from_bytes(wire[10:12], "big")):
        if wire.startswith(OPT, at):
            opts += 1
            if opts > 1 or wire[at + 5 : at + OPT_BYTES] != OPT_END:
                return False
            at += OPT_BYTES
            continue
        if int.from_bytes(wire[at : at + 2], "big") - _POINTER_BITS in targets:
            name = at + 2
        elif not (name := name_end(wire, at, whole=True)):
            return False
        at = name + 10
        size = _ADDRESSES.get(wire[name : name + 4] + wire[at - 2 : at])
        if size is None:
            return False
        at += size
    return at == len(wire)


def address(rdata: bytes) -> str:
    """What an A or AAAA record holds, as `model.normal` writes it."""
    return socket.inet_ntoa(rdata) if len(rdata) == 4 else str(ipaddress.IPv6Address(rdata))


@lru_cache(maxsize=16384)
def plain(name: str) -> bytes | None:
    """A name of the usual letters as it is on the wire; None for any other, which takes more care."""
    label, dot, rest = name.partition(".")
    if not dot or not 0 < len(label) <= LONGEST_LABEL or len(name) >= LONGEST_NAME or not LETTERS.issuperset(label):
        return None
    below = plain(rest) if rest else b"\0"
    return None if below is None else len(label).to_bytes() + label.encode() + below
