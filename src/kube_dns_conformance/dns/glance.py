"""Whether the bytes of an answer are plainly right, without taking it to pieces.

An audit of a large cluster gets nearly only right answers, and to parse one takes longer than to ask for it. A glance
says yes only where `compare.difference` would find nothing; what it does not know by heart gets the closer look.
"""

from __future__ import annotations

import ipaddress
import socket
import string
from collections.abc import Container
from functools import lru_cache
from typing import NamedTuple

import dns.name

from kube_dns_conformance.dns.compare import ANY_LABEL, Expected, rcodes
from kube_dns_conformance.dns.model import Question

HEADER = 12
_RCODES = {"NOERROR": 0, "NXDOMAIN": 3}
_NOERROR = (0,)
_AN_ANSWER = 0x80
_NOT_PLAIN = 0x7A
"""In the third byte: another opcode than QUERY, and TC (RFC 1035 section 4.1.1)."""
_PLAIN = frozenset(string.ascii_lowercase + string.digits + "-_")
_LABEL = frozenset("".join(_PLAIN).encode())
_PORTS = 65536
_FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}
_LONGEST_LABEL = 63
_LONGEST_NAME = 255
_POINTER = 0xC0
_POINTER_BITS = 0xC000
_SAME_NAME = b"\xc0\x0c"
"""The name of the question, as a pointer to it (RFC 1035 section 4.1.4)."""
_TYPES = {"A": b"\0\1\0\1", "AAAA": b"\0\x1c\0\1", "SRV": b"\0\x21\0\1", "PTR": b"\0\x0c\0\1"}
"""Type and class IN, of what a glance can tell."""
_SOA = b"\0\6\0\1"
_SIZES = {_TYPES["A"]: 4, _TYPES["AAAA"]: 16}
_ADDRESSES = {kind + size.to_bytes(2, "big"): size for kind, size in _SIZES.items()}
"""Type, class and length of the data."""
_SOA_NUMBERS = 20
_OPT = b"\0\0\x29"
_OPT_BYTES = 11
_OPT_END = b"\0" * 6
"""No extended rcode, version 0, no DO, no options (RFC 6891 section 6.1.3)."""


class Plain:
    """The form of a plain answer to one question: whole, under the name that was asked, and nothing unusual beside."""

    def __init__(self, query: bytes, question: Question) -> None:
        """``query`` is the message that asks, whatever its id."""
        self._asked = query[HEADER : query.index(b"\0", HEADER) + 5]
        self._name = self._asked[:-4]
        self._offered = max(question.udp_payload or 0, 512)
        self._type = _TYPES.get(question.rdtype, b"")

    def records(self, wire: bytes) -> list[bytes] | None:
        """What is normative of its records, sorted; None where it is not plain, or has none.

        Never raises: the bytes are a stranger's.
        """
        if not (self._type and self._begins_plainly(wire, _NOERROR) and wire[8:10] == b"\0\0"):
            return None
        found: list[bytes] = []
        targets: list[int] = []  # of SRV records, which nobody takes for right whose names are not whole
        at = HEADER + len(self._asked)
        name, name_bytes = self._name, len(self._name)
        cut = 4 if self._type == _TYPES["SRV"] else 0  # never priority and weight
        size = _SIZES.get(self._type, 0)
        for _ in range(int.from_bytes(wire[6:8], "big")):
            if wire.startswith(_SAME_NAME, at):
                at += len(_SAME_NAME)
            elif wire.startswith(name, at):
                at += name_bytes
            else:
                return None
            if wire[at : at + 4] != self._type:
                return None
            begin = at + 10
            at = begin + int.from_bytes(wire[at + 8 : begin], "big")
            if at - begin != size != 0:
                return None
            found.append(wire[begin + cut : at])
            targets.append(begin + cut + 2)
        found.sort()
        return found if found and _ends_plainly(wire, at, targets if cut else ()) else None

    def _begins_plainly(self, wire: bytes, rcodes: Container[int]) -> bool:
        """An answer to this question, whole, with one of these rcodes."""
        end = HEADER + len(self._asked)
        return (
            end <= len(wire) <= self._offered
            and wire[2] & (_AN_ANSWER | _NOT_PLAIN) == _AN_ANSWER
            and wire[3] & 0x0F in rcodes
            and wire[4:6] == b"\0\1"
            and wire[HEADER:end] == self._asked
        )


class Glance(Plain):
    """What a right answer to one question looks like. ``known`` are `denial`s that were well formed."""

    def __init__(self, query: bytes, question: Question, expected: Expected, known: set[bytes]) -> None:
        """``query`` is the message that asks, whatever its id."""
        super().__init__(query, question)
        self._rdata = _rdata(question.rdtype, expected)
        self._rcodes = () if self._rdata else [_RCODES[one] for one in rcodes(expected)]
        self._free = None if self._rdata is not None else _free(question.rdtype, expected)
        self._known = known

    @property
    def knows(self) -> bool:
        """Whether a right answer can be told by its bytes."""
        return self._rdata is not None

    def is_right(self, wire: bytes) -> bool:
        """Whether it is right beyond doubt. Never raises: the bytes are a stranger's."""
        if self._rdata:
            return self.records(wire) == self._rdata
        return self._rdata is not None and self._denies(wire)

    def chosen(self, records: list[bytes] | None) -> list[str] | None:
        """The names of the server's choice, where all else in these `records` is right; None where it is not."""
        return None if self._free is None or records is None else self._free.names(records)

    def learn(self, wire: bytes) -> None:
        """This is a right answer: if it is a denial, others like it are well formed, too."""
        if not self._rdata and (key := denial(wire, HEADER + len(self._asked))[0]):
            self._known.add(key)

    def _denies(self, wire: bytes) -> bool:
        if not self._begins_plainly(wire, self._rcodes) or wire[6:8] != b"\0\0":
            return False
        end = HEADER + len(self._asked)
        if wire[8:10] != b"\0\0":
            key, end = denial(wire, end)
            if wire[8:10] != b"\0\1" or key not in self._known:
                return False
        return _ends_plainly(wire, end)


class _Free(NamedTuple):
    """``number`` records beside ``must`` have names with one label of the server's choice before ``below``.

    ``heads`` are what may stand before such a name: the port of an SRV record, nothing in a PTR record.
    """

    must: frozenset[bytes]
    heads: frozenset[bytes]
    below: str
    ending: bytes
    number: int

    def names(self, found: list[bytes]) -> list[str] | None:
        """None where more or less than these records came, or one twice."""
        there = set(found)
        rest = there - self.must
        if not len(there) == len(found) == len(self.must) + self.number or len(rest) != self.number:
            return None
        begin = len(next(iter(self.heads)))
        names = []
        for one in rest:
            label = one[begin + 1 : -len(self.ending)]
            if (
                one[:begin] not in self.heads
                or not one.endswith(self.ending)
                or one[begin] != len(label)
                or not 0 < len(label) <= _LONGEST_LABEL
                or len(one) - begin > _LONGEST_NAME
                or not _LABEL.issuperset(label)
            ):
                return None
            names.append(f"{label.decode()}.{self.below}")
        return names


def _free(rdtype: str, expected: Expected) -> _Free | None:
    """None where it takes a closer look."""
    if rdtype not in {"SRV", "PTR"} or expected.kind not in {"exactly", "at least"} or len(expected.choices) != 1:
        return None
    (choice,) = expected.choices
    ends = {one.partition(ANY_LABEL)[::2] for one in choice.values}
    below = {name for _, name in ends}
    (name,) = below if len(below) == 1 else ("",)
    if not (name and choice.count) or (ending := plain(name)) is None:
        return None
    ports = [head.strip() for head, _ in ends]
    if not all((one.isdecimal() and int(one) < _PORTS) if rdtype == "SRV" else not one for one in ports):
        return None
    heads = frozenset(int(one).to_bytes(2, "big") if one else b"" for one in ports)
    must = frozenset(_bytes(rdtype, one) for one in expected.values)
    return _Free(must, heads, name, ending, choice.count)


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


def _ends_plainly(wire: bytes, at: int, targets: Container[int] = ()) -> bool:
    """What is additional are addresses, and an OPT record that says nothing.

    Their names are whole, or pointers to one of ``targets``: where the names begin that records have as their target.
    """
    opts = 0
    for _ in range(int.from_bytes(wire[10:12], "big")):
        if wire.startswith(_OPT, at):
            opts += 1
            if opts > 1 or wire[at + 5 : at + _OPT_BYTES] != _OPT_END:
                return False
            at += _OPT_BYTES
            continue
        if int.from_bytes(wire[at : at + 2], "big") - _POINTER_BITS in targets:
            name = at + 2
        elif not (name := _name_end(wire, at, whole=True)):
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
    if rdtype in _FAMILIES:
        return socket.inet_pton(_FAMILIES[rdtype], value)
    port, _, name = value.rpartition(" ")
    return (int(port).to_bytes(2, "big") if port else b"") + (plain(name) or dns.name.from_text(name).to_wire() or b"")


def address(rdata: bytes) -> str:
    """What an A or AAAA record holds, as `compare.normal` writes it."""
    return socket.inet_ntoa(rdata) if len(rdata) == 4 else str(ipaddress.IPv6Address(rdata))


def plain(name: str) -> bytes | None:
    """A name of the usual letters as it is on the wire; None for any other, which takes more care."""
    label, dot, rest = name.partition(".")
    if not dot or not 0 < len(label) <= _LONGEST_LABEL or len(name) >= _LONGEST_NAME or not _PLAIN.issuperset(label):
        return None
    below = _below(rest)
    return None if below is None else len(label).to_bytes() + label.encode() + below


@lru_cache(maxsize=4096)
def _below(rest: str) -> bytes | None:
    """The rest of a name, which others have, too."""
    return plain(rest) if rest else b"\0"
