"""What must come back, and how an answer differs from it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kube_dns_conformance.dns.model import Answer, Record

Kind = Literal["exactly", "at least", "no such name", "no data"]


@dataclass(frozen=True)
class Expected:
    """What an answer must hold. ``values`` are rdata reduced to what is normative, see `value`."""

    kind: Kind
    values: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if self.kind == "no such name":
            return "NXDOMAIN"
        if self.kind == "no data":
            return "NOERROR without records"
        return ("" if self.kind == "exactly" else "at least ") + " ".join(in_order(self.values))


def exactly(values: Iterable[str]) -> Expected:
    """These records, each once, and no other. Raises ValueError for none: say `no_such_name` or `no_data`."""
    return _some("exactly", values)


def at_least(values: Iterable[str]) -> Expected:
    """These records and perhaps more: a server may serve more than the specification lists (section 3)."""
    return _some("at least", values)


def no_such_name() -> Expected:
    """NXDOMAIN (RFC 2308 section 2.1)."""
    return Expected("no such name")


def no_data() -> Expected:
    """NOERROR without records of the asked type: the name exists (RFC 2308 section 2.2)."""
    return Expected("no data")


def _some(kind: Kind, values: Iterable[str]) -> Expected:
    wanted = frozenset(normal(one) for one in values)
    if not wanted:
        raise ValueError(f"an expectation of {kind!r} needs at least one record")
    return Expected(kind, wanted)


def value(record: Record) -> str:
    """Rdata reduced to what is normative: of an SRV record its port and target, never priority or weight."""
    if record.rdtype == "SRV":
        return " ".join(record.rdata.split()[2:])
    return normal(record.rdata)


def normal(text: str) -> str:
    """Addresses in canonical form (RFC 5952), names in lower case."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text.lower()


def in_order(values: Iterable[str]) -> list[str]:
    """Addresses by number, everything else by text: the order in which people look for one."""

    def key(one: str) -> tuple[int, int, str]:
        try:
            address = ipaddress.ip_address(one)
        except ValueError:
            return (0, 0, one)
        return (address.version, int(address), one)

    return sorted(values, key=key)


@dataclass(frozen=True)
class Difference:
    """How an answer differs. Empty when it does not (``bool(difference)`` is False)."""

    instead: str = ""
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.instead or self.missing or self.extra or self.repeated)

    def __str__(self) -> str:
        parts = [self.instead] if self.instead else []
        for word, values in (("missing", self.missing), ("not expected", self.extra), ("repeated", self.repeated)):
            if values:
                parts.append(f"{word} {' '.join(values)}")
        return "; ".join(parts)


def difference(expected: Expected, answer: Answer) -> Difference:
    """Compare one answer with what must be there."""
    if answer.problem is not None:
        return Difference(instead=answer.problem)
    wanted_rcode = "NXDOMAIN" if expected.kind == "no such name" else "NOERROR"
    if answer.rcode != wanted_rcode:
        return Difference(instead=f"{answer.rcode} instead of {wanted_rcode}", missing=_ordered(expected.values))
    if answer.truncated:
        return Difference(instead="truncated")
    strangers = [record for record in answer.records if not _asked(record, answer)]
    got = Counter(value(record) for record in answer.records if _asked(record, answer))
    extra = set() if expected.kind == "at least" else set(got) - expected.values
    return Difference(
        missing=_ordered(expected.values - set(got)),
        extra=_ordered(extra) + tuple(f"{one.name} {one.rdtype} {one.rdata}" for one in strangers),
        repeated=_ordered(one for one, times in got.items() if times > 1),
    )


def _asked(record: Record, answer: Answer) -> bool:
    return record.name == answer.question.name.lower() and record.rdtype == answer.question.rdtype


def _ordered(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(in_order(values))
