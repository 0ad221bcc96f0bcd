"""What must come back, and how an answer differs from it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from kube_dns_conformance.dns.model import Answer, Record, normal
from kube_dns_conformance.text import in_order

Kind = Literal["exactly", "at least", "at most", "no such name", "no data", "nothing", "alias", "that"]
ANY_LABEL = "*."
"""Before a domain name: one label of the server's choice below it."""


@dataclass(frozen=True)
class Choice:
    """At least ``count`` different records out of ``values``, in which `ANY_LABEL` may stand before a name.

    Where the specification leaves something to the server: the label of an endpoint without a hostname (section 2.1),
    the one of several names that an address is known by, the port number that a headless Service's SRV records have.
    """

    values: frozenset[str]
    count: int = 1

    def __str__(self) -> str:
        values = " or ".join(in_order(self.values))
        return {0: f"perhaps {values}", 1: values}.get(self.count, f"{self.count} × {values}")

    def matches(self, value: str) -> bool:
        """Whether a record with this `Record.value` is one of them."""
        return value in self.values or _with_any_label(value) in self.values


class Expected(NamedTuple):
    """What an answer must hold. ``values`` are rdata reduced to what is normative, see `Record.value`.

    Of an *alias*, ``values`` is the target of the CNAME, and ``choices`` what the name it ends at must answer. *that*
    is a ``claim`` of its own, about which ``check`` says what is wrong with an answer, or nothing.
    """

    kind: Kind
    values: frozenset[str] = frozenset()
    choices: tuple[Choice, ...] = ()
    claim: str = ""
    check: Callable[[Answer], str] | None = None

    @property
    def mentioned(self) -> frozenset[str]:
        """Everything that it speaks of: what must be there, and what may."""
        return self.values.union(*(choice.values for choice in self.choices))

    def __str__(self) -> str:
        match self.kind:
            case "that":
                return self.claim
            case "no such name":
                return "NXDOMAIN"
            case "no data":
                return "NOERROR without records"
            case "nothing":
                return "no record"
            case "alias":
                return " and ".join(["CNAME " + " ".join(self.values), *map(str, self.choices)])
        parts = ([" ".join(in_order(self.values))] if self.values else []) + [str(one) for one in self.choices]
        return ("at least " if self.kind == "at least" else "") + ", ".join(parts)


def exactly(values: Iterable[str], choices: Iterable[Choice] = ()) -> Expected:
    """These records, each once, and no other. Raises ValueError for none: say `no_such_name` or `no_data`."""
    return _some("exactly", values, choices)


def at_least(values: Iterable[str], choices: Iterable[Choice] = ()) -> Expected:
    """These records and perhaps more: a server may serve more than the specification lists (section 3)."""
    return _some("at least", values, choices)


def no_such_name() -> Expected:
    """NXDOMAIN (RFC 2308 section 2.1)."""
    return Expected("no such name")


def no_data() -> Expected:
    """NOERROR without records of the asked type: the name exists (RFC 2308 section 2.2)."""
    return Expected("no data")


def nothing() -> Expected:
    """No record of the asked type, whether the name exists or not."""
    return Expected("nothing")


def alias(target: str, addresses: Iterable[str] = ()) -> Expected:
    """A CNAME to ``target`` (section 2.5); and where ``addresses`` are given, all of them behind it."""
    behind = tuple(Choice(frozenset({normal(one)})) for one in addresses)
    return Expected("alias", frozenset({normal(target)}), behind)


def that(claim: str, check: Callable[[Answer], str]) -> Expected:
    """An answer about which ``check`` says nothing; what it says is what is wrong. ``claim`` says what must be."""
    return Expected("that", claim=claim, check=check)


def _some(kind: Kind, values: Iterable[str], choices: Iterable[Choice]) -> Expected:
    wanted, among = frozenset(normal(one) for one in values), tuple(choices)
    if not wanted and not among:
        raise ValueError(f"an expectation of {kind!r} needs at least one record")
    return Expected(kind, wanted, among)


def is_address(text: str) -> bool:
    """Whether this is an IP address, and so no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


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
    if expected.check is not None:
        return Difference(instead=expected.check(answer))
    wanted = rcodes(expected)
    if answer.rcode not in wanted:
        stale = _records_difference(expected, answer).extra if expected.kind == "no such name" else ()
        return Difference(f"{answer.rcode} instead of {wanted[0]}", _ordered(expected.values), stale)
    if answer.truncated:
        return Difference(instead="truncated")
    return _alias_difference(expected, answer) if expected.kind == "alias" else _records_difference(expected, answer)


def is_right(expected: Expected, answer: Answer) -> bool:
    """Whether there is no `difference`. That there is one is told sooner than which one."""
    plainly = expected.kind == "exactly" and not expected.choices and answer.problem is None
    # A set knows its hash once it was asked for it: a thousand addresses differ at a glance.
    if plainly and hash(answer.records.values) != hash(expected.values):
        return False
    return not difference(expected, answer)


def rcodes(expected: Expected) -> tuple[str, ...]:
    """Which of them an answer may have; the first is the one to name."""
    if expected.kind == "no such name":
        return ("NXDOMAIN",)
    # The name that an alias leads to may well not exist (RFC 2308 section 2.1).
    either = expected.kind in {"nothing", "at most"} or (expected.kind == "alias" and not expected.choices)
    return ("NOERROR", "NXDOMAIN") if either else ("NOERROR",)


def _records_difference(expected: Expected, answer: Answer) -> Difference:
    if _are_the_same(expected, answer):
        return Difference()
    strangers = [record for record in answer.records if not _asked(record, answer)]
    got = Counter(record.value for record in answer.records if _asked(record, answer))
    rest = set(got) - expected.values
    missing = _ordered(expected.values - set(got))
    for choice in expected.choices:
        matching = {one for one in rest if choice.matches(one)}
        rest -= matching
        if len(matching) < choice.count:
            missing += (f"{choice.count - len(matching)} of {choice}" if choice.count > 1 else str(choice),)
    return Difference(
        missing=missing,
        extra=_ordered(set() if expected.kind == "at least" else rest) + tuple(map(_whole, strangers)),
        repeated=_ordered(one for one, times in got.items() if times > 1),
    )


def _are_the_same(expected: Expected, answer: Answer) -> bool:
    """Whether all that an answer holds is expected, and the other way round, beyond doubt."""
    records, asked = answer.records, {(answer.question.name.lower(), answer.question.rdtype)}
    if expected.kind not in {"exactly", "at least"} or expected.choices:
        return False
    return records.values == expected.values and len(records) == len(records.values) and records.owners == asked


def _alias_difference(expected: Expected, answer: Answer) -> Difference:
    """Follow the chain of CNAMEs from the question; whatever is not on it, or of another type, was not asked for."""
    first, chain, name = _follow(expected, answer)
    ends = [one for one in answer.records if one.name == name and one.rdtype == answer.question.rdtype != "CNAME"]
    links = [one for one in answer.records if one.rdtype == "CNAME" and chain.get(one.name) == one.rdata]
    strangers = [one for one in answer.records if one not in ends and one not in links]
    got = Counter(one.value for one in ends)
    missing = _ordered(expected.values - {first}) + tuple(
        str(one) for one in expected.choices if not any(map(one.matches, got))
    )
    extra = {first} - expected.values - {""}
    unknown = {one for one in got if expected.choices and not any(choice.matches(one) for choice in expected.choices)}
    return Difference(
        missing=missing,
        extra=_ordered(extra | unknown) + tuple(map(_whole, strangers)),
        repeated=_ordered(one for one, times in Counter(map(_whole, answer.records)).items() if times > 1),
    )


def _follow(expected: Expected, answer: Answer) -> tuple[str, dict[str, str], str]:
    """The first link of the chain, every link of it, and the name at its end. Of two at one name one is a stranger."""
    aliases: dict[str, str] = {}
    for one in answer.records:
        if one.rdtype == "CNAME" and aliases.get(one.name) not in expected.values:
            aliases[one.name] = one.rdata if one.rdata in expected.values else aliases.get(one.name, one.rdata)
    start = name = answer.question.name.lower()
    chain: dict[str, str] = {}
    while name in aliases and name not in chain:
        chain[name] = aliases[name]
        name = chain[name]
    return chain.get(start, ""), chain, name


def _whole(record: Record) -> str:
    return f"{record.name} {record.rdtype} {record.rdata}"


def _with_any_label(value: str) -> str:
    """``80 web-0.web.shop.…`` → ``80 *.web.shop.…``."""
    head, space, name = value.rpartition(" ")
    return f"{head}{space}{ANY_LABEL}{name.partition('.')[2]}"


def _asked(record: Record, answer: Answer) -> bool:
    return record.name == answer.question.name.lower() and record.rdtype == answer.question.rdtype


def _ordered(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(in_order(values))
