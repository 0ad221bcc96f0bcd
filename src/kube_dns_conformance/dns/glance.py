"""Whether the bytes of an answer are plainly right, without taking it to pieces.

An audit of a large cluster gets nearly only right answers, and to parse one takes longer than to ask for it. A glance
says yes only where `compare.difference` would find nothing; what it does not know by heart gets the closer look.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import dns.name
import dns.rcode

from kube_dns_conformance.dns.addresses import HEADER, LETTERS, NONE, ONE, OPT_BYTES, SAME_NAME
from kube_dns_conformance.dns.compare import ANY_LABEL, Expected, Kind, rcodes
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.dns.plain import (
    LONGEST_LABEL,
    LONGEST_NAME,
    POINTER,
    TYPES,
    Plain,
    ends_plainly,
    heads,
    name_end,
    plain,
)

_LABEL = frozenset("".join(LETTERS).encode())
_PORTS = 65536
_FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}
_POINTERS = bytes((POINTER,))
_CNAME = b"\0\5\0\1"
_SOA = b"\0\6\0\1"
_SOA_NUMBERS = 20
_TTL_BYTES = 4
_ONE_AND_OPT = ONE + NONE + ONE
_DENIES: Mapping[Kind, frozenset[bytes]] = {
    kind: heads(*map(dns.rcode.from_text, rcodes(Expected(kind)))) for kind in ("no such name", "no data", "nothing")
}


class _Form(NamedTuple):
    """Of a right answer what is the same in others like it: all but the question and what is normative of its record.

    Where it has a record, ``owner`` is the pointer to its name, or empty when that is whole. ``beneath`` is what the
    names in a denial point to of the question, at its end.
    """

    head: bytes
    owner: bytes
    between: bytes
    tail: bytes
    beneath: bytes = b""


class Known:
    """What a glance has learned: ``denials`` that were well formed, and the forms of right answers.

    A form is learned from what was right beyond doubt, and what then has the same form is so as well.
    """

    def __init__(self) -> None:
        self.denials: set[bytes] = set()
        self.forms: dict[tuple[Kind, bytes, int] | bytes, _Form] = {}


class Prepared(Plain):
    """A question, and what its right answer looks like, in the forms that are ``known``."""

    def __init__(self, question: Question, expected: Expected, known: Known) -> None:
        super().__init__(question)
        self.expected = expected
        self._rdata = rdata = _rdata(question.rdtype, expected)
        self._known = known
        self._alike: tuple[Kind, bytes, int] | bytes = b""
        """Which others have the same form; nothing where that is looked at each time."""
        self._data = b""
        if rdata is None:
            return
        if not rdata:
            self._alike = expected.kind, self._asked[-4:], self._end
        elif len(rdata) == 1:
            self._alike = _CNAME if expected.kind == "alias" else self._asked[-4:]
            self._data = len(rdata[0]).to_bytes(2) + rdata[0]

    @property
    def knows(self) -> bool:
        """Whether a right answer can be told by its bytes."""
        return self._rdata is not None

    def is_right(self, wire: bytes) -> bool:
        """Whether it is right beyond doubt. Never raises: the bytes are a stranger's."""
        form = self._known.forms.get(self._alike)
        if form is not None and wire[2:] == self._foreseen(form) and len(wire) <= self._offered:
            return True
        if not self._is_right(wire):
            return False
        if self._alike and (seen := self._form(wire)):
            self._known.forms[self._alike] = seen
        return True

    def _is_right(self, wire: bytes) -> bool:
        rdata = self._rdata
        if not rdata:
            return rdata is not None and self._denies(wire)
        return self._of_type(wire, _CNAME if self.expected.kind == "alias" else self._asked[-4:]) == rdata

    def _foreseen(self, form: _Form) -> bytes:
        """What a right answer of this form is, without its id; nothing where it is not known to be right."""
        head, owner, between, tail, beneath = form
        asked, data = self._asked, self._data
        if data:
            return head + asked + (owner or asked[:-4]) + between + data + tail
        return head + asked + tail if asked.endswith(beneath) else b""

    def _form(self, wire: bytes) -> _Form | None:
        """Of an answer that is right; None where others need not be that have the same."""
        end = self._end
        if not self._data:
            beneath = denial(wire, end).beneath if wire[8:10] == ONE else b""
            return _Form(wire[2:HEADER], b"", b"", wire[end:], beneath)
        if wire[6:HEADER] != _ONE_AND_OPT:
            return None
        owner = SAME_NAME if wire.startswith(SAME_NAME, end) else b""
        at = end + len(owner or self._asked[:-4])
        form = _Form(wire[2:HEADER], owner, wire[at : at + 4 + _TTL_BYTES], wire[-OPT_BYTES:])
        return form if self._foreseen(form) == wire[2:] else None

    def chosen(self, records: list[bytes] | None) -> list[str] | None:
        """The names of the server's choice, where all else in these `records` is right; None where it is not."""
        if records is None or self.knows or (free := _free(self.question.rdtype, self.expected)) is None:
            return None
        return free.names(records)

    def learn(self, wire: bytes) -> None:
        """This is a right answer: if it is a denial, others like it are well formed, too."""
        if not self._rdata and (key := denial(wire, self._end).key):
            self._known.denials.add(key)

    def _denies(self, wire: bytes) -> bool:
        if not self._begins_plainly(wire, _DENIES[self.expected.kind]) or wire[6:8] != NONE:
            return False
        end = self._end
        if wire[8:10] != NONE:
            key, end, _ = denial(wire, end)
            if wire[8:10] != ONE or key not in self._known.denials:
                return False
        return ends_plainly(wire, end)


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
                or not 0 < len(label) <= LONGEST_LABEL
                or len(one) - begin > LONGEST_NAME
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


class _Denial(NamedTuple):
    """An SOA record, and where it ends. ``beneath`` is what it points to of that which comes right before it.

    Two of the same ``key`` are both well formed, or neither is; it is empty where there is no such record.
    """

    key: bytes
    end: int
    beneath: bytes = b""


def denial(wire: bytes, at: int) -> _Denial:
    """The SOA record that begins at ``at``. Its TTL is not in its key, all that it points to is."""
    owner = at + 2 if wire[at : at + 1] >= _POINTERS else name_end(wire, at)
    if not owner or wire[owner : owner + 4] != _SOA:
        return _Denial(b"", at)
    end = owner + 10 + int.from_bytes(wire[owner + 8 : owner + 10], "big")
    if end > len(wire):
        return _Denial(b"", at)
    record = wire[at : owner + 4] + wire[owner + 8 : end]
    targets = _targets(record, owner - at)
    if not targets:
        return _Denial(record, end)
    if any(owner + 4 <= one < owner + 8 for one in targets):
        return _Denial(b"", at)  # into the TTL
    beneath = wire[targets[0] : at]
    return _Denial(at.to_bytes(2, "big") + beneath + record, end, beneath)


@lru_cache(maxsize=1024)
def _targets(record: bytes, owner: int) -> list[int]:
    """Where the pointers in the names of an SOA record without its TTL lead to, sorted; its own has ``owner`` bytes."""
    names = (*range(owner), *range(owner + 6, len(record) - _SOA_NUMBERS))
    return sorted((record[one] & 0x3F) << 8 | record[one + 1] for one in names if record[one] >= POINTER)


def _rdata(rdtype: str, expected: Expected) -> list[bytes] | None:
    """What is normative of the records that must come, sorted; None where a glance cannot tell.

    Where more may come than must, what has no more is still right.
    """
    kind, values, choices, *_ = expected
    if kind in _DENIES:
        return []
    if kind == "alias" and not choices:
        return _target(expected)
    if kind not in {"exactly", "at least"} or choices or rdtype not in TYPES:
        return None
    return sorted([_bytes(rdtype, one) for one in values])


def _target(expected: Expected) -> list[bytes] | None:
    """Of an alias that nobody has to follow; None for a name that takes more care."""
    names = [name for one in expected.values if (name := plain(one))]
    return names if len(names) == len(expected.values) == 1 else None


def _bytes(rdtype: str, value: str) -> bytes:
    """A value of `compare.value`, as it is on the wire."""
    if rdtype in _FAMILIES:
        return socket.inet_pton(_FAMILIES[rdtype], value)
    port, _, name = value.rpartition(" ")
    return (int(port).to_bytes(2, "big") if port else b"") + (plain(name) or dns.name.from_text(name).to_wire() or b"")
