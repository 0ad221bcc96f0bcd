"""Who asks. So far only this process; an agent in a Pod asks the same way from inside a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kube_dns_conformance.dns.ask import ask_all
from kube_dns_conformance.dns.model import Answer, Question, Server, Transport

Ask = tuple[Question, Server, Transport]


class Vantage(Protocol):
    """A place to ask from. ``name`` completes "asked … from" in a failure."""

    name: str

    def ask(self, asks: Sequence[Ask]) -> list[Answer]:
        """Ask a batch; the answers come in the order of the questions."""


def ask_whole(vantage: Vantage, asks: Sequence[Ask]) -> list[Answer]:
    """Ask; what comes back truncated over UDP is asked again over TCP, as every resolver does (RFC 7766 section 5)."""
    answers = vantage.ask(asks)
    cut = [index for index, answer in enumerate(answers) if answer.truncated and answer.transport == "udp"]
    again = vantage.ask([(answers[index].question, answers[index].server, "tcp") for index in cut]) if cut else []
    for index, answer in zip(cut, again, strict=True):
        answers[index] = answer
    return answers


class ThisProcess:
    """Asks from the process that runs the suite."""

    name = "this process"

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    def ask(self, asks: Sequence[Ask]) -> list[Answer]:
        """Ask a batch over sockets of this process; what is silent over UDP is asked once more, as resolvers do."""
        answers = ask_all(asks, self._timeout)
        lost = [index for index, one in enumerate(answers) if one.transport == "udp" and one.timed_out]
        for index, answer in zip(lost, ask_all([asks[index] for index in lost], self._timeout), strict=True):
            answers[index] = answer
        return answers
