"""Who asks: this process, or an agent in a Pod. They differ in who carries the messages, in nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from kube_dns_conformance.agent.flight import Flights
from kube_dns_conformance.agent.observations import Probe
from kube_dns_conformance.apart import Apart
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.ask import Exchange, Stream, ask_all, exchange_here
from kube_dns_conformance.dns.model import Answer, Question, Server, Transport
from kube_dns_conformance.probing import Probing

Ask = tuple[Question, Server, Transport]


class Vantage(ABC):
    """A place to ask from. ``name`` completes "asked … from" in a failure, ``timeout`` is seconds for one question."""

    def __init__(self, name: str, exchange: Exchange, timeout: float) -> None:
        self._name = name
        self._exchange = exchange
        self._timeout = timeout

    @property
    def name(self) -> str:
        """Who asks."""
        return self._name

    @property
    def place(self) -> str:
        """The node it asks from, to tell it from others of the same cluster; empty where there is nothing to tell."""
        return ""

    def places(self) -> Sequence[Vantage]:
        """A vantage for each node that can be asked from."""
        return [self]

    def posts(self) -> Sequence[Vantage]:
        """The same, and when one of them is gone, nobody asks in its place."""
        return [self]

    @property
    def timeout(self) -> float:
        """Seconds for one question."""
        return self._timeout

    @abstractmethod
    def probe(self, probes: Sequence[Probe], slot: float, position: str = "") -> Probing:
        """Ask again and again from now on, once in each ``slot`` (seconds). Raises ClusterError.

        With the `Probing.position` of a process that died: what that one asks is read from there on, where it goes on.
        """

    @abstractmethod
    def flights(self, rate: float) -> Stream:
        """A way to ask much of few servers over UDP, no more than ``rate`` questions a second (0: as they answer)."""

    def ask(self, asks: Sequence[Ask]) -> list[Answer]:
        """Ask a batch; the answers come in the order of the questions.

        What is silent over UDP is asked once more, as resolvers do.
        """
        answers = ask_all(asks, self._timeout, self._exchange)
        lost = [index for index, one in enumerate(answers) if one.transport == "udp" and one.timed_out]
        again = ask_all([asks[index] for index in lost], self._timeout, self._exchange) if lost else []
        for index, answer in zip(lost, again, strict=True):
            answers[index] = answer
        return answers


def ask_whole(vantage: Vantage, asks: Sequence[Ask]) -> list[Answer]:
    """Ask; what comes back truncated over UDP is asked again over TCP, as every resolver does (RFC 7766 section 5)."""
    return whole(vantage, vantage.ask(asks))


def whole(vantage: Vantage, answers: list[Answer]) -> list[Answer]:
    """The same answers, with whole ones in place of those that are truncated."""
    cut = [index for index, answer in enumerate(answers) if answer.truncated and answer.transport == "udp"]
    again = vantage.ask([(answers[index].question, answers[index].server, "tcp") for index in cut]) if cut else []
    for index, answer in zip(cut, again, strict=True):
        answers[index] = replace(answer, after_truncation=True)
    return answers


class ThisProcess(Vantage):
    """Asks from the process that runs the suite, or as ``name``."""

    def __init__(self, timeout: float, name: str = "this process") -> None:
        super().__init__(name, exchange_here, timeout)

    def flights(self, rate: float) -> Stream:
        """See `Vantage`."""
        return Flights(rate, now).stream

    def probe(self, probes: Sequence[Probe], slot: float, position: str = "") -> Probing:  # noqa: ARG002 - see there
        """See `Vantage`. What this process asks ends with it."""
        return Apart(probes, slot, self.timeout)
