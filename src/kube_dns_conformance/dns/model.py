"""What is asked and what came back: plain values, no I/O."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

from kube_dns_conformance.text import in_order

Transport = Literal["udp", "tcp", "pipelined"]
"""*pipelined*: over TCP, all questions of a batch for one server over one connection, one right after the other."""


@dataclass(frozen=True)
class Server:
    """One DNS server address: the DNS Service, one DNS replica, or whatever ``--dns-server`` names.

    ``single`` says that one process answers here. Behind any other address there may be several, each with a cache of
    its own, so that an old answer after a new one is no lie yet.
    """

    name: str
    host: str
    port: int = 53
    single: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Question(NamedTuple):
    """An absolute name and a record type.

    ``udp_payload`` is the EDNS buffer size offered over UDP in bytes (RFC 6891); None asks without EDNS, where an
    answer over 512 bytes must be truncated (RFC 1035 section 4.2.1). 1232 is what stub resolvers and dig offer.
    ``edns_version`` and ``edns_option`` (a number) are for asking in ways that few do (RFC 6891 section 6.1.2, 6.1.3).
    """

    name: str
    rdtype: str
    udp_payload: int | None = 1232
    edns_version: int = 0
    edns_option: int | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.rdtype}"

    @property
    def options(self) -> str:
        """How this is asked otherwise than dig does when nobody tells it how, in the options that tell dig."""
        found = ["+noedns"] if self.udp_payload is None else []
        found += [f"+bufsize={self.udp_payload}"] if self.udp_payload not in {None, 1232} else []
        found += [f"+edns={self.edns_version} +noednsnegotiation"] if self.edns_version else []
        found += [f"+ednsopt={self.edns_option}"] if self.edns_option is not None else []
        return " ".join(found)


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record: owner name and rdata in presentation form, letters folded to lower case."""

    name: str
    rdtype: str
    ttl: int
    rdata: str

    @property
    def value(self) -> str:
        """Rdata reduced to what is normative: of an SRV record its port and target, never priority or weight."""
        if self.rdtype == "SRV":
            return " ".join(self.rdata.split()[2:])
        return normal(self.rdata)

    def said(self) -> str:
        """As reports show it, without the name."""
        return f"{self.ttl} {self.rdtype} {self.rdata}"


class Records(tuple[Record, ...]):
    """Those of one answer, in its order. Most answers of a row have the same: what is told of it is worked out once."""

    @cached_property
    def values(self) -> frozenset[str]:
        """The `Record.value` of each."""
        return frozenset(one.value for one in self)

    @cached_property
    def owners(self) -> frozenset[tuple[str, str]]:
        """Their names and types."""
        return frozenset((one.name, one.rdtype) for one in self)

    @cached_property
    def ttl(self) -> int:
        """The longest, in seconds; 0 when there are none."""
        return max((one.ttl for one in self), default=0)

    @cached_property
    def rdata(self) -> tuple[str, ...]:
        """That of each, in an order in which no server has a part."""
        return tuple(sorted(one.rdata for one in self))


NO_RECORDS = Records()


@lru_cache(maxsize=100_000)
def normal(text: str) -> str:
    """Addresses in canonical form (RFC 5952), names in lower case."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text.lower()


@dataclass(frozen=True, slots=True)
class Answer:
    """One observation: what one server said to one question over one transport at one time.

    Either ``rcode`` is set or ``problem`` says why there is no usable answer. ``sent`` is seconds since the epoch,
    ``seconds`` the time until the last byte (or until giving up). It had ``size`` bytes, and ``wire`` is all of them
    where there is a problem. ``strays`` are datagrams that came as well and were no answer: from another source or with
    another id. ``after_truncation``: asked over TCP because the answer over UDP was truncated. ``edns_version`` is that
    of the answer's OPT record, None without one; ``echoed`` the question's name as it came back, letter by letter.
    ``vantage`` is the node it was asked from, where several ask.
    """

    question: Question
    server: Server
    transport: Transport
    sent: float
    seconds: float
    rcode: str | None = None
    problem: str | None = None
    truncated: bool = False
    records: Records = NO_RECORDS
    authority: tuple[Record, ...] = ()
    size: int = 0
    wire: bytes = field(default=b"", repr=False)
    after_truncation: bool = False
    strays: tuple[str, ...] = ()
    authoritative: bool = False
    edns_version: int | None = None
    echoed: str = ""
    vantage: str = ""

    @property
    def came(self) -> float:
        """When its last byte did, or when it was given up (seconds since the epoch)."""
        return self.sent + self.seconds

    @property
    def timed_out(self) -> bool:
        """Whether nothing came back at all, which a lost packet explains as well as a server that is silent."""
        return self.problem is not None and self.problem.startswith("no answer within")

    @property
    def decisive(self) -> bool:
        """Whether this says what exists and what does not: silence, SERVFAIL and REFUSED say neither."""
        return self.rcode in {"NOERROR", "NXDOMAIN"}

    @property
    def negative_ttl(self) -> int | None:
        """How long this denial may be cached: the lesser of the SOA's TTL and its minimum (RFC 2308 section 5)."""
        for record in self.authority:
            if record.rdtype == "SOA":
                return min(record.ttl, int(record.rdata.split()[-1]))
        return None

    def said(self) -> str:
        """What came back, in one line."""
        if self.problem is not None:
            return self.problem
        # In an order that can be compared by eye; servers rotate theirs.
        values = " ".join(in_order(record.rdata for record in self.records))
        return f"{self.rcode} {values}".rstrip() + (" (truncated)" if self.truncated else "")

    def as_data(self) -> dict[str, Any]:
        """For ``results.jsonl``."""
        data: dict[str, Any] = {
            "name": self.question.name,
            "type": self.question.rdtype,
            "server": self.server.name,
            "address": str(self.server),
            "transport": "udp, truncated, then tcp" if self.after_truncation else self.transport,
            "sent": round(self.sent, 4),
            "milliseconds": round(self.seconds * 1000, 2),
            "bytes": self.size,
            "rcode": self.rcode,
            "answer": [one.said() for one in self.records],
        }
        if self.vantage:
            data["vantage"] = self.vantage
        if self.question.options:
            data["options"] = self.question.options
        if self.problem is None:
            data |= {"question": self.echoed, "authoritative": self.authoritative}
            data |= {"authority": [one.said() for one in self.authority], "edns": self.edns_version}
        if self.problem is not None:
            data |= {"problem": self.problem, "wire": self.wire[:512].hex()}
        if self.truncated:
            data["truncated"] = True
        if self.strays:
            data["strays"] = list(self.strays)
        return data


def repeat_command(question: Question, server: Server, transport: Transport) -> str:
    """The dig command that asks the same thing by hand."""
    port = "" if server.port == 53 else f" -p {server.port}"
    options = ([] if transport == "udp" else ["+tcp"]) + ([question.options] if question.options else [])
    return " ".join([f"dig @{server.host}{port} {question}", *options])
