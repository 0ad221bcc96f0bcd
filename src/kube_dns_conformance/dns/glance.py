"""Whether the bytes of an answer are plainly right, without taking it to pieces.

An audit of a large cluster gets nearly only right answers, and to parse one takes longer than to ask for it. A glance
says yes only where `compare.difference` would find nothing; what it does not know by heart gets the closer look.
"""

from __future__ import annotations

import ipaddress
import string

import dns.name

from kube_dns_conformance.dns.compare import Expected, rcodes
from kube_dns_conformance.dns.model import Question

HEADER = 12
_RCODES = {"NOERROR": 0, "NXDOMAIN": 3}
_AN_ANSWER = 0x80
_NOT_PLAIN = 0x7A
"""In the third byte: another opcode than QUERY, and TC (RFC 1035 section 4.1.1)."""
_PLAIN = frozenset(string.ascii_lowercase + string.digits + "-_.")
_LONGEST_LABEL = 63
_LONGEST_NAME = 255
_POINTER = 0xC0
_SAME_NAME = b"\xc0\x0c"
"""The name of the question, as a pointer to it (RFC 1035 section 4.1.4)."""
_TYPES = {"A": b"\0\1\0\1", "AAAA": b"\0\x1c\0\1", "SRV": b"\0\x21\0\1", "PTR": b"\0\x0c\0\1"}
"""Type and class IN, of what a glance can tell."""
_SOA = b"\0\6\0\1"
_ADDRESSES = {_TYPES["A"] + b"\0\4": 4, _TYPES["AAAA"] + b"\0\x10": 16}
"""Type, class and length of the data."""
_SOA_NUMBERS = 20
_OPT = b"\0\0\x29"
_OPT_BYTES = 11
_OPT_END = b"\0" * 6
"""No extended rcode, version 0, no DO, no options (RFC 6891 section 6.1.3)."""


class Glance:
    """What a right answer to one question looks like. ``known`` are `denial`s that were well formed."""

    def __init__(self, query: bytes, question: Question, expected: Expected, known: set[bytes]) -> None:
        """``query`` is the message that asks, whatever its id."""
        self._asked = query[HEADER : query.index(b"\0", HEADER) + 5]
        self._name = self._asked[:-4]
        self._offered = max(question.udp_payload or 0, 512)
        self._rcodes = {_RCODES[one] for one in rcodes(expected)}
        self._type = _TYPES.get(question.rdtype, b"")
        self._rdata = _rdata(question.rdtype, expected)
        self._known = known

    @property
    def knows(self) -> bool:
        """Whether a right answer can be told by its bytes."""
        return self._rdata is not None

    def is_right(self, wire: bytes) -> bool:
        """Whether it is right beyond doubt. Never raises: the bytes are a stranger's."""
        if self._rdata is None or not self._begins_right(wire, len(self._rdata)):
            return False
        end = HEADER + len(self._asked)
        if self._rdata:
            found, end = self._records(wire, end)
            if found != self._rdata:
                return False
        if wire[8:10] != b"\0\0":
            key, end = denial(wire, end)
            if wire[8:10] != b"\0\1" or key not in self._known:
                return False
        return _ends_plainly(wire, end)

    def learn(self, wire: bytes) -> None:
        """This is a right answer: if it is a denial, others like it are well formed, too."""
        if not self._rdata and (key := denial(wire, HEADER + len(self._asked))[0]):
            self._known.add(key)

    def _begins_right(self, wire: bytes, answers: int) -> bool:
        """An answer to this question, whole, with the right rcode and so many records."""
        end = HEADER + len(self._asked)
        return (
            end <= len(wire) <= self._offered
            and wire[2] & (_AN_ANSWER | _NOT_PLAIN) == _AN_ANSWER
            and wire[3] & 0x0F in self._rcodes
            and wire[4:6] == b"\0\1"
            and wire[6:8] == answers.to_bytes(2, "big")
            and wire[HEADER:end] == self._asked
        )

    def _records(self, wire: bytes, at: int) -> tuple[list[bytes], int]:
        """What is normative of the records, in the order of ``_rdata``, and where they end."""
        found = []
        cut = 4 if self._type == _TYPES["SRV"] else 0  # never priority and weight
        for _ in self._rdata or ():
            if wire.startswith(self._name, at):
                at += len(self._name)
            elif wire.startswith(_SAME_NAME, at):
                at += len(_SAME_NAME)
            else:
                return [], at
            if wire[at : at + 4] != self._type:
                return [], at
            begin = at + 10
            at = begin + int.from_bytes(wire[at + 8 : begin], "big")
            found.append(wire[begin + cut : at])
        found.sort()
        return found, at


def denial(wire: bytes, at: int) -> tuple[bytes, int]:
    """The SOA record that begins at ``at``, without its TTL but with all that it points to; and where it ends.

    Empty when it is none. Two of the same bytes are both well formed, or neither is.
    """
    owner = _name_end(wire, at)
    if not owner or wire[owner : owner + 4] != _SOA:
        return b"", at
    end = owner + 10 + int.from_bytes(wire[owner + 8 : owner + 10], "big")
    if end > len(wire):
        return b"", at
    record = wire[at : owner + 4] + wire[owner + 8 : end]
    names = (*range(at, owner), *range(owner + 10, end - _SOA_NUMBERS))
    targets = [(wire[one] & 0x3F) << 8 | wire[one + 1] for one in names if wire[one] >= _POINTER]
    if not targets:
        return record, end
    if any(owner + 4 <= one < owner + 8 for one in targets):
        return b"", at  # into the TTL
    return at.to_bytes(2, "big") + wire[min(targets) : at] + record, end


def _name_end(wire: bytes, at: int, *, whole: bool = False) -> int:
    """Behind a name; 0 when it is malformed, or ends with a pointer and must be ``whole``. No pointer is followed."""
    begin = at
    while at < len(wire) and at - begin < _LONGEST_NAME:
        length = wire[at]
        if length == 0:
            return at + 1
        if length >= _POINTER:
            return 0 if whole else at + 2
        if length > _LONGEST_LABEL:
            return 0
        at += 1 + length
    return 0


def _ends_plainly(wire: bytes, at: int) -> bool:
    """What is additional are addresses under whole names, and an OPT record that says nothing."""
    opts = 0
    for _ in range(int.from_bytes(wire[10:12], "big")):
        if wire.startswith(_OPT, at):
            opts += 1
            if opts > 1 or wire[at + 5 : at + _OPT_BYTES] != _OPT_END:
                return False
            at += _OPT_BYTES
            continue
        name = _name_end(wire, at, whole=True)
        if not name:
            return False
        at = name + 10
        size = _ADDRESSES.get(wire[name : name + 4] + wire[at - 2 : at])
        if size is None:
            return False
        at += size
    return at == len(wire)


def _rdata(rdtype: str, expected: Expected) -> list[bytes] | None:
    """What is normative of the records that must come, sorted; None where a glance cannot tell.

    Where more may come than must, what has no more is still right.
    """
    if expected.kind in {"no such name", "no data", "nothing"}:
        return []
    if expected.kind not in {"exactly", "at least"} or expected.choices or rdtype not in _TYPES:
        return None
    return sorted(_bytes(rdtype, one) for one in expected.values)


def _bytes(rdtype: str, value: str) -> bytes:
    """A value of `compare.value`, as it is on the wire."""
    if rdtype in {"A", "AAAA"}:
        return ipaddress.ip_address(value).packed
    port, _, name = value.rpartition(" ")
    return (int(port).to_bytes(2, "big") if port else b"") + (plain(name) or dns.name.from_text(name).to_wire() or b"")


def plain(name: str) -> bytes | None:
    """A name of the usual letters as it is on the wire; None for any other, which takes more care."""
    labels = name.split(".")
    if (
        labels.pop()
        or len(name) >= _LONGEST_NAME
        or not _PLAIN.issuperset(name)
        or not all(0 < len(one) <= _LONGEST_LABEL for one in labels)
    ):
        return None
    return b"".join(len(one).to_bytes() + one.encode() for one in labels) + b"\0"
