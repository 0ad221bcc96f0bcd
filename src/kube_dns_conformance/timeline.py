"""What was seen over time: asked at a fixed cadence while something changes, judged afterwards by pure functions."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Sequence
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
    """One question at one server over one transport: what is alike in a row of observations."""

    question: Question
    server: str
    transport: Transport


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

    def wait(self, probe: Callable[[list[Answer]], bool], deadline: float) -> bool:
        """Wait until ``probe`` is content with the answers so far, or until ``deadline`` (epoch seconds)."""
        while True:
            if self._failure is not None:
                raise self._failure
            if probe(self.answers()):
                return True
            if now() > deadline:
                return False
            with self._news:
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
        rows.setdefault(Lane(one.question, one.server.name, one.transport), []).append(one)
    return rows


def of(answers: Iterable[Answer], question: Question) -> list[Answer]:
    """The answers to one question."""
    return [answer for answer in answers if answer.question == question]


def deviations(answers: Iterable[Answer], *right: Expected) -> list[Answer]:
    """The answers that are none of ``right``."""
    return [answer for answer in answers if all(difference(one, answer) for one in right)]


def last_asked(answers: Iterable[Answer]) -> dict[Lane, float]:
    """When each lane was asked last (epoch seconds)."""
    return {lane: row[-1].sent for lane, row in lanes(answers).items()}


def settles(answers: Sequence[Answer], expected: Expected) -> float | None:
    """When the answers became right for good (epoch seconds): None when the last one is still wrong."""
    since = None
    for answer in answers:
        if difference(expected, answer):
            since = None
        elif since is None:
            since = answer.sent
    return since


def holds(answers: Iterable[Answer], expected: Expected, seconds: float) -> bool:
    """Whether every lane has been right for the last ``seconds``."""
    rows = lanes(answers).values()
    since = [(row[-1].sent, settles(row, expected)) for row in rows]
    # Until the last answer, not until now: what has not been asked since may have changed since.
    return bool(since) and all(one is not None and last - one >= seconds for last, one in since)


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
