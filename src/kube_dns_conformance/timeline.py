"""What was seen over time: asked at a fixed cadence while something changes, judged afterwards by pure functions."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.compare import Expected, difference, value
from kube_dns_conformance.dns.model import Answer, Question, Server, Transport
from kube_dns_conformance.vantage import Vantage, ask_whole

SLOT_SECONDS = 0.05
TCP_EVERY = 4
"""In every so many-th slot all is asked over TCP as well: a connection costs more than a datagram."""


@dataclass(frozen=True)
class Lane:
    """One question at one server over one transport: what is alike in a row of observations.

    What was asked over UDP first stays so when the answer was truncated and came over TCP in the end.
    """

    question: Question
    server: str
    transport: Transport

    @classmethod
    def of(cls, answer: Answer) -> Lane:
        """The lane of an observation."""
        return cls(answer.question, answer.server.name, "udp" if answer.after_truncation else answer.transport)


class Watch:
    """Asks every question at every server once in each slot, over UDP and less often over TCP, until ``with`` ends.

    Each server has a thread of its own, so that one that is silent does not slow down the asking of the others.
    """

    def __init__(self, vantage: Vantage, servers: Iterable[Server], questions: Sequence[Question]) -> None:
        self._vantage = vantage
        self._questions = questions
        servers = list(servers)
        ways: tuple[Transport, ...] = ("udp", "tcp")
        self.lanes = {Lane(question, server.name, how) for question in questions for server in servers for how in ways}
        self._answers: list[Answer] = []
        self._news = threading.Condition()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._threads = [threading.Thread(target=self._ask, args=(server,), daemon=True) for server in servers]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def answers(self) -> list[Answer]:
        """Everything seen so far, in the order of asking."""
        with self._news:
            return sorted(self._answers, key=lambda answer: answer.sent)

    def wait(self, take: Callable[[Sequence[Answer]], bool], deadline: float) -> bool:
        """Hand ``take`` what was seen so far, and then what is new as it comes, until it is content.

        Returns False when it is not by ``deadline`` (epoch seconds). Each answer is handed over once, those of a lane
        in the order of asking.
        """
        taken = 0
        while True:
            if self._failure is not None:
                raise self._failure
            with self._news:
                new = self._answers[taken:]
            taken += len(new)
            if take(new):
                return True
            if now() > deadline:
                return False
            with self._news:
                if len(self._answers) == taken:
                    self._news.wait(SLOT_SECONDS)

    def _ask(self, server: Server) -> None:
        slot = time.monotonic()
        for round_ in itertools.count():
            if self._ended.is_set():
                return
            transports: tuple[Transport, ...] = ("udp",) if round_ % TCP_EVERY else ("udp", "tcp")
            try:
                asks = [(question, server, how) for question in self._questions for how in transports]
                answers = ask_whole(self._vantage, asks)
            except BaseException as error:  # noqa: BLE001 - a failure of ours must reach the test, as *unknown*
                self._failure = error
                return
            with self._news:
                self._answers += answers
                self._news.notify_all()
            # The next slot that is still to come: slots that were missed are not asked in a burst afterwards.
            done = time.monotonic()
            slot += SLOT_SECONDS * (1 + max(0, (done - slot) // SLOT_SECONDS))
            self._ended.wait(max(0.0, slot - done))


def lanes(answers: Iterable[Answer]) -> dict[Lane, list[Answer]]:
    """The answers by lane, each in the order of asking."""
    rows: dict[Lane, list[Answer]] = {}
    for one in sorted(answers, key=lambda one: (one.question.name, one.server.name, one.transport, one.sent)):
        rows.setdefault(Lane.of(one), []).append(one)
    return {lane: sorted(row, key=lambda one: one.sent) for lane, row in rows.items()}


def of(answers: Iterable[Answer], question: Question) -> list[Answer]:
    """The answers to one question."""
    return [answer for answer in answers if answer.question == question]


def deviations(answers: Iterable[Answer], *right: Expected) -> list[Answer]:
    """The answers that are none of ``right``."""
    return [answer for answer in answers if all(difference(one, answer) for one in right)]


def settles(answers: Sequence[Answer], expected: Expected) -> float | None:
    """When the answers became right for good (epoch seconds): None when the last one is still wrong."""
    since = None
    for answer in answers:
        if difference(expected, answer):
            since = None
        elif since is None:
            since = answer.sent
    return since


class Holding:
    """Since when each lane has been right, kept up to date with every answer, so that none is looked at twice."""

    def __init__(self, expected: Mapping[Question, Expected], start: float = 0.0) -> None:
        """What was sent before ``start`` (epoch seconds) says nothing."""
        self._expected = expected
        self._start = start
        self._since: dict[Lane, float] = {}
        self._last: dict[Lane, float] = {}

    def add(self, answers: Iterable[Answer]) -> None:
        """Take answers over, those of a lane in the order of asking."""
        for one in answers:
            if one.sent < self._start:
                continue
            lane = Lane.of(one)
            self._last[lane] = one.sent
            if difference(self._expected[one.question], one):
                self._since.pop(lane, None)
            else:
                self._since.setdefault(lane, one.sent)

    def last_asked(self, lane: Lane) -> float:
        """When a lane was asked last (epoch seconds), or 0."""
        return self._last.get(lane, 0.0)

    def lasts(self, lanes: Collection[Lane], seconds: float) -> bool:
        """Whether these lanes, and every other that was asked, have been right for the last ``seconds``."""
        # Until the last answer, not until now: what has not been asked since may have changed since.
        right = {lane for lane, since in self._since.items() if self._last[lane] - since >= seconds}
        return bool(lanes) and right.issuperset(lanes) and right.issuperset(self._last)


def sightings(answers: Iterable[Answer], address: str) -> list[Answer]:
    """The answers that hold ``address``."""
    return [answer for answer in answers if address in map(value, answer.records)]


def returns(answers: Sequence[Answer], address: str) -> list[Answer]:
    """The answers of one lane that hold ``address`` after an answer that no longer did."""
    seen, gone, back = False, False, []
    for answer in answers:
        if not answer.decisive:
            continue  # silence and SERVFAIL say nothing about the address
        has = bool(sightings([answer], address))
        gone = gone or (seen and not has)
        seen = seen or has
        if gone and has:
            back.append(answer)
    return back


def as_data(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """The timeline for the report: equal answers in a row of one lane become one line with its first and last time."""
    runs = []
    for lane, row in lanes(answers).items():
        for said, group in groupby(row, key=_alike):
            same = list(group)
            runs.append(
                {
                    "name": lane.question.name,
                    "type": lane.question.rdtype,
                    "server": lane.server,
                    "transport": lane.transport,
                    "from": round(same[0].sent, 3),
                    "to": round(same[-1].sent, 3),
                    "asks": len(same),
                    "said": said,
                }
            )
    return sorted(runs, key=lambda one: (one["from"], one["name"], one["server"]))


def _alike(answer: Answer) -> str:
    if answer.problem is not None:
        return answer.problem
    return " ".join([str(answer.rcode), *sorted(record.rdata for record in answer.records)])
