"""The fast way to ask what is probably right: prepared messages, many on their way, and a glance at what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from kube_dns_conformance.agent.exchange import Reply, Request
from kube_dns_conformance.dns.ask import Stream, answer
from kube_dns_conformance.dns.compare import Expected, difference
from kube_dns_conformance.dns.glance import Known, Prepared
from kube_dns_conformance.dns.model import Answer, Question, Server
from kube_dns_conformance.dns.plain import Plain, address


class Heard:
    """What came back to a question, looked at only as closely as somebody wants to know.

    ``records`` are as of `Plain`: None where it takes the closer look.
    """

    def __init__(self, asked: Plain, server: Server, reply: Reply) -> None:
        self.question = asked.question
        self.server = server
        self._reply = reply
        self.records = asked.records(reply.wire)

    @cached_property
    def answer(self) -> Answer:
        """All of it."""
        return answer(self.question, self.server, "udp", self._reply)

    @cached_property
    def values(self) -> list[str]:
        """Of a question for addresses: what its records hold, sorted as on the wire where it is plain."""
        if self.records is not None:
            return [address(one) for one in self.records]
        return [one.value for one in self.answer.records]

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
        self._known = Known()

    def prepare(self, question: Question, expected: Expected) -> Prepared:
        """Do once what can be done before asking."""
        return Prepared(question, expected, self._known)

    def ask(self, asks: Iterable[tuple[Prepared, Server]]) -> Iterator[Doubt]:
        """The answers that are not right beyond doubt, as they come."""
        flying: dict[int, tuple[Prepared, Server]] = {}

        def requests() -> Iterator[Request]:
            for index, (one, server) in enumerate(asks):
                flying[index] = one, server
                yield Request(server.host, server.port, "udp", one.query, self._timeout)

        for index, reply in self._stream(requests()):
            one, server = flying.pop(index)
            self.sent_twice += reply.again
            if one.is_right(reply.wire):
                continue
            heard = Heard(one, server, reply)
            names = one.chosen(heard.records)
            if names is None and one.knows and not difference(one.expected, heard.answer):
                one.learn(reply.wire)
            else:
                yield Doubt(one, heard, names)

    def hear(self, asks: Sequence[tuple[Question, Server]]) -> list[Heard]:
        """All of them."""
        found: dict[int, Heard] = {}
        flying: dict[int, Plain] = {}

        def requests() -> Iterator[Request]:
            for index, (question, server) in enumerate(asks):
                flying[index] = one = Plain(question)
                yield Request(server.host, server.port, "udp", one.query, self._timeout)

        for index, reply in self._stream(requests()):
            self.sent_twice += reply.again
            found[index] = Heard(flying.pop(index), asks[index][1], reply)
        return [found[index] for index in range(len(asks))]
