"""The fast way to ask what is probably right: prepared messages, many on their way, and a glance at what comes back."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from kube_dns_conformance.agent.exchange import Request
from kube_dns_conformance.dns.ask import Exchange, answer, message
from kube_dns_conformance.dns.compare import Expected, difference
from kube_dns_conformance.dns.glance import HEADER, Glance
from kube_dns_conformance.dns.model import Answer, Question, Server

_PLAIN = frozenset(string.ascii_lowercase + string.digits + "-_.")


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
        requests = [Request(server.host, server.port, "udp", one.query, self._timeout) for one, server in asks]
        for (one, server), reply in zip(asks, self._fly(requests), strict=True):
            if one.glance.is_right(reply.wire):
                continue
            found = answer(one.question, server, "udp", reply)
            if one.glance.knows and not difference(one.expected, found):
                one.glance.learn(reply.wire)
            else:
                yield one, found


def query(question: Question) -> bytes:
    """The same as `message` says, sooner for names of the usual letters."""
    labels = question.name.split(".")
    if labels.pop() or not _PLAIN.issuperset(question.name) or not all(0 < len(one) < 64 for one in labels):
        return message(question)
    name = b"".join(len(one).to_bytes() + one.encode() for one in labels)
    root = _of_the_root(replace(question, name="."))
    return root[:HEADER] + name + root[HEADER:]


@lru_cache(maxsize=64)
def _of_the_root(question: Question) -> bytes:
    return message(question)
