"""DNS watched while something changes: every question asked of every server at a fixed cadence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from kube_dns_conformance.agent.exchange import Reply
from kube_dns_conformance.agent.observations import Probe, Said, Seen
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns import ask
from kube_dns_conformance.dns.model import Answer, Question, Server, Transport
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.probing import Probing
from kube_dns_conformance.timeline import Lane
from kube_dns_conformance.vantage import Ask, Vantage

WAYS: tuple[Transport, ...] = ("udp", "tcp")
WAIT_SECONDS = 0.25
"""The longest that nothing is heard before the time is looked at."""
READ_SECONDS = 1.0
"""How often what nobody waits for is read."""
QUESTIONS_PER_SECOND = 5000
"""Of all nodes together no more than this: being watched must not be what hurts."""


def gentle_slot(slot: float, nodes: int, servers: int, questions: int) -> float:
    """How often (seconds) every node may ask everything, ``slot`` at the most often."""
    return max(slot, nodes * servers * questions * len(WAYS) / QUESTIONS_PER_SECOND)


@dataclass(frozen=True)
class Observer:
    """Who watched, and how well. ``slot`` is seconds, ``missed`` in how many of its ``slots`` it did not ask.

    ``ahead`` is how many seconds the clock of its node is ahead of ours; the times of all answers are told by ours, as
    exactly as ``error`` (seconds) says.
    """

    name: str
    slot: float
    slots: int
    missed: int
    ahead: float
    error: float

    def as_data(self) -> dict[str, Any]:
        """For ``results.jsonl``."""
        return asdict(self) | {"ahead": round(self.ahead, 6), "error": round(self.error, 6)}


class Watch:
    """Asks every question at every server over UDP and TCP once in each ``slot`` (seconds), until ``with`` ends.

    Each of ``vantages`` does.
    """

    def __init__(
        self,
        vantages: Sequence[Vantage],
        servers: Iterable[Server],
        questions: Sequence[Question],
        slot: float,
        position: str = "",
    ) -> None:
        """``position`` is that of a watch of one vantage in a process that died, see `Vantage.probe`."""
        self._position = position
        self._vantages = vantages
        self._slot = slot
        self._asks: list[Ask] = [(question, one, how) for one in servers for question in questions for how in WAYS]
        self.lanes = {
            Lane(question, server.name, how, vantage.place)
            for vantage in vantages
            for question, server, how in self._asks
        }
        self._probing: list[tuple[Vantage, Probing]] = []
        self._turn = threading.Lock()
        self._known: dict[tuple[Question, Transport, Said], Answer] = {}
        self._answers: list[Answer] = []
        who = [vantage.name for vantage in vantages if self._asks]
        self._observers = tuple(Observer(name, slot, 0, 0, 0.0, 0.0) for name in who)

    def __enter__(self) -> Watch:
        probes = [Probe(server.host, server.port, how, ask.message(one)) for one, server, how in self._asks]
        try:
            for vantage in self._vantages if probes else []:
                self._probing.append((vantage, vantage.probe(probes, self._slot, self._position)))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._hear(0.0)
        finally:
            self._stop()

    def _stop(self) -> None:
        for _, probing in self._probing:
            probing.stop()
        self._probing = []

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Who watches, and how well until now."""
        return self._observers

    @property
    def position(self) -> str:
        """Up to where a watch of one vantage has taken what was seen."""
        return self._probing[0][1].position if self._probing else ""

    def keep(self, position: str) -> None:
        """From this position on nothing may be forgotten yet where it was seen."""
        for _, probing in self._probing:
            probing.keep(position)

    def answers(self) -> list[Answer]:
        """Everything seen so far, in the order of asking."""
        self._hear(0.0)
        return sorted(self._answers, key=lambda answer: answer.sent)

    def read(self) -> None:
        """Take what waits where it was seen. Raises ClusterError when nothing can be asked any more."""
        self._hear(0.0)

    def take(self, within: float) -> list[Answer]:
        """What is new, waiting for it up to ``within`` seconds. It is forgotten then: a watch may go on for days.

        Raises ClusterError when nothing can be asked any more.
        """
        self._hear(within)
        new, self._answers = self._answers, []
        return new

    def wait(self, take: Callable[[Sequence[Answer]], bool], deadline: float) -> bool:
        """Hand ``take`` what was seen so far, and then what is new as it comes, until it is content.

        Returns False when it is not by ``deadline`` (epoch seconds). Each answer is handed over once, those of a lane
        in the order of asking. Raises ClusterError when nothing can be asked any more.
        """
        taken = 0
        while True:
            self._hear(WAIT_SECONDS if taken == len(self._answers) else 0.0)
            new = self._answers[taken:]
            taken += len(new)
            if take(new):
                return True
            if now() > deadline:
                return False

    def _hear(self, within: float) -> None:
        with self._turn:
            for at, (vantage, probing) in enumerate(self._probing):
                # What the others have seen until then waits where they are.
                heard = probing.take(0.0 if at else within)
                self._answers += [self._answer(vantage.place, seen, said) for seen, said in heard]
            self._observers = (
                tuple(
                    Observer(vantage.name, self._slot, one.slots, one.missed, one.ahead, one.error)
                    for vantage, one in self._probing
                )
                or self._observers
            )

    def _answer(self, place: str, seen: Seen, said: Said) -> Answer:
        question, server, how = self._asks[seen.probe]
        transport: Transport = "tcp" if said.cut else how
        known = self._known.get((question, transport, said))
        if known is None:
            wire = bytes(2) + said.wire if said.problem is None else said.wire
            answer = ask.answer(question, server, transport, Reply(seen.sent, seen.seconds, wire, said.problem))
            known = self._known[question, transport, said] = replace(answer, after_truncation=said.cut)
        return replace(known, server=server, vantage=place, sent=seen.sent, seconds=seen.seconds)


class Reading(threading.Thread):
    """Reads watches until ``with`` ends, while nobody waits for what they see: else it is read all at once in the end,
    and whoever tells so much asks late meanwhile."""

    def __init__(self, watches: Sequence[Watch]) -> None:
        super().__init__(daemon=True)
        self._watches = watches
        self._ended = threading.Event()

    def __enter__(self) -> Reading:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        """The thread."""
        while self._watches and not self._ended.wait(READ_SECONDS):
            for one in self._watches:
                with suppress(ClusterError):  # whoever waits for it is told
                    one.read()
