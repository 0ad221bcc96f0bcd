"""The fast way to ask what is probably right: prepared messages, many on their way, and a glance at what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from kube_dns_conformance.agent.exchange import Reply, Request
from kube_dns_conformance.dns.ask import Stream, answer, message
from kube_dns_conformance.dns.compare import Expected, difference, value
from kube_dns_conformance.dns.glance import HEADER, Glance, Plain, address, plain
from kube_dns_conformance.dns.model import Answer, Question, Server


class Prepared:
    """A question as it goes over the wire, and what its right answer looks like."""

    def __init__(self, question: Question, expected: Expected, known: set[bytes]) -> None:
        self.question = question
        self.expected = expected
        self.query = query(question)
        self.glance = Glance(self.query, question, expected, known)


class Heard:
    """What came back to a question, looked at only as closely as somebody wants to know.

    ``records`` are as of `Plain`: None where it takes the closer look.
    """

    def __init__(self, question: Question, server: Server, reply: Reply, plain: Plain) -> None:
        self.question = question
        self.server = server
        self._reply = reply
        self.records = plain.records(reply.wire)

    @cached_property
    def answer(self) -> Answer:
        """All of it."""
        return answer(self.question, self.server, "udp", self._reply)

    @cached_property
    def values(self) -> list[str]:
        """Of a question for addresses: what its records hold, sorted as on the wire where it is plain."""
        if self.records is not None:
            return [address(one) for one in self.records]
        return [value(one) for one in self.answer.records]

    def take(self, better: Answer) -> None:
        """This is the answer instead."""
        self.answer, self.records = better, None


class Doubt(NamedTuple):
    """An answer that is not right beyond doubt.

    ``names`` are those of the server's choice where they alone are in doubt: where do they lead?
    """

    one: Prepared
    heard: Heard
    names: list[str] | None


class Quick:
    """Asks over UDP. ``timeout`` is seconds for one question; ``sent_twice`` counts those that went once more."""

    def __init__(self, stream: Stream, timeout: float) -> None:
        self.sent_twice = 0
        self._stream = stream
        self._timeout = timeout
        self._denials: set[bytes] = set()

    def prepare(self, question: Question, expected: Expected) -> Prepared:
        """Do once what can be done before asking."""
        return Prepared(question, expected, self._denials)

    def ask(self, asks: Iterable[tuple[Prepared, Server]]) -> Iterator[Doubt]:
        """The answers that are not right beyond doubt, as they come."""
        flying: dict[int, tuple[Prepared, Server]] = {}

        def requests() -> Iterator[Request]:
            for index, (one, server) in enumerate(asks):
                flying[index] = one, server
                yield self._request(one.query, server)

        for index, reply in self._stream(requests()):
            one, server = flying.pop(index)
            self.sent_twice += reply.again
            if one.glance.is_right(reply.wire):
                continue
            heard = Heard(one.question, server, reply, one.glance)
            names = one.glance.chosen(heard.records)
            if names is None and one.glance.knows and not difference(one.expected, heard.answer):
                one.glance.learn(reply.wire)
            else:
                yield Doubt(one, heard, names)

    def hear(self, asks: Sequence[tuple[Question, Server]]) -> list[Heard]:
        """All of them."""
        wires: list[bytes] = []
        found: dict[int, Heard] = {}

        def requests() -> Iterator[Request]:
            for question, server in asks:
                wires.append(query(question))
                yield self._request(wires[-1], server)

        for index, reply in self._stream(requests()):
            self.sent_twice += reply.again
            found[index] = Heard(*asks[index], reply, Plain(wires[index], asks[index][0]))
        return [found[index] for index in range(len(asks))]

    def _request(self, wire: bytes, server: Server) -> Request:
        return Request(server.host, server.port, "udp", wire, self._timeout)


def query(question: Question) -> bytes:
    """The same as `message` says, sooner for names of the usual letters."""
    name = plain(question.name)
    if name is None:
        return message(question)
    root = _of_the_root(question.rdtype, question.udp_payload, question.edns_version, question.edns_option)
    return root[:HEADER] + name + root[HEADER + 1 :]


@lru_cache(maxsize=64)
def _of_the_root(rdtype: str, udp_payload: int | None, edns_version: int, edns_option: int | None) -> bytes:
    return message(Question(".", rdtype, udp_payload, edns_version, edns_option))
