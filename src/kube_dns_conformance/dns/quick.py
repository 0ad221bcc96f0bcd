"""The fast way to ask what is probably right: prepared messages, many on their way, and a glance at what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from kube_dns_conformance.agent.exchange import Request
from kube_dns_conformance.dns.ask import Exchange, answer, message
from kube_dns_conformance.dns.compare import Expected, difference
from kube_dns_conformance.dns.glance import HEADER, Glance, plain
from kube_dns_conformance.dns.model import Answer, Question, Server


class Prepared:
    """A question as it goes over the wire, and what its right answer looks like."""

    def __init__(self, question: Question, expected: Expected, known: set[bytes]) -> None:
        self.question = question
        self.expected = expected
        self.query = query(question)
        self.glance = Glance(self.query, question, expected, known)


class Quick:
    """Asks over UDP. ``timeout`` is seconds for one question."""

    def __init__(self, fly: Exchange, timeout: float) -> None:
        self._fly = fly
        self._timeout = timeout
        self._denials: set[bytes] = set()

    def prepare(self, question: Question, expected: Expected) -> Prepared:
        """Do once what can be done before asking."""
        return Prepared(question, expected, self._denials)

    def ask(self, asks: Sequence[tuple[Prepared, Server]]) -> Iterator[tuple[Prepared, Answer]]:
        """The answers that are not right beyond doubt."""
        replies = self._fly([self._request(one.query, server) for one, server in asks])
        for (one, server), reply in zip(asks, replies, strict=True):
            if one.glance.is_right(reply.wire):
                continue
            found = answer(one.question, server, "udp", reply)
            if one.glance.knows and not difference(one.expected, found):
                one.glance.learn(reply.wire)
            else:
                yield one, found

    def answers(self, asks: Sequence[tuple[Question, Server]]) -> list[Answer]:
        """All of them."""
        replies = self._fly([self._request(query(question), server) for question, server in asks])
        return [answer(*one, "udp", reply) for one, reply in zip(asks, replies, strict=True)]

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
