"""One round: what is promised is asked the fast way, what is not plainly right is compared, its names are followed.

An endpoint without a hostname has a label of the server's choice. What SRV and PTR records then name must lead to the
endpoints of the Service, which takes further questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import dns.name
import dns.reversename

from kube_dns_conformance.agent.flight import GENTLE_RATE
from kube_dns_conformance.dns.compare import ANY_LABEL, Choice, Difference, at_least, difference, value
from kube_dns_conformance.dns.model import Answer, Question, Server
from kube_dns_conformance.dns.quick import Prepared, Quick
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.judge import Mismatch
from kube_dns_conformance.progress import Step
from kube_dns_conformance.promises import ADDRESS_TYPES, Key, Promise, Promises, reverse_name
from kube_dns_conformance.text import in_order
from kube_dns_conformance.vantage import Ask, Vantage, ask_whole, whole

BATCH_QUESTIONS = 2048
LOST_QUESTIONS = 64
"""So many of those that nobody answered are asked once more, alone, where more can be told of what happens to them."""
SILENT_QUESTIONS = 20
"""A server that answers none of so many in one batch may have gone, which is no answer about any of them."""


class _Lead(NamedTuple):
    """A right answer with names of the server's choice."""

    key: Key
    promise: Promise
    answer: Answer
    choice: Choice
    names: list[str]


class Checks:
    """Asks several servers from one vantage. ``asked`` counts the questions.

    ``rate`` is how many a second, all servers together; 0 is as many as they answer.
    """

    def __init__(self, vantage: Vantage, servers: Iterable[Server], rate: float = GENTLE_RATE) -> None:
        self.vantage = vantage
        self.servers = tuple(servers)
        self.asked = 0
        self._answered: dict[Server, Question] = {}
        self._quick = Quick(vantage.flights(rate), vantage.timeout)

    def round(self, promises: Promises, keys: Sequence[Key], progress: Step | None = None) -> dict[Key, list[Mismatch]]:
        """What is wrong with which of ``keys``. Raises ClusterError when a server cannot be asked any more."""
        wrong: dict[Key, list[Mismatch]] = {}
        size = max(1, BATCH_QUESTIONS // len(self.servers))
        for start in range(0, len(keys), size):
            some = keys[start : start + size]
            for key, found in self._batch(promises, some):
                wrong.setdefault(key, []).append(found)
            if progress is not None:
                progress.update(done=start + len(some), total=len(keys), note=f"{len(wrong)} differ" if wrong else "")
        return wrong

    def _batch(self, promises: Promises, keys: Sequence[Key]) -> Iterator[tuple[Key, Mismatch]]:
        leads = []
        for one, answer in self._doubtful(
            [self._quick.prepare(Question(*key), promises[key].expected()) for key in keys]
        ):
            key = Key(answer.question.name, answer.question.rdtype)
            found = difference(one.expected, answer)
            if found:
                yield key, Mismatch(answer, one.expected, found)
            elif lead := _lead(key, promises[key], answer):
                leads.append(lead)
        yield from self._follow(promises, leads)

    def _doubtful(self, prepared: Sequence[Prepared]) -> Iterator[tuple[Prepared, Answer]]:
        """The answers that are not right at a glance."""
        asks = [(one, server) for one in prepared for server in self.servers]
        self.asked += len(asks)
        found = list(self._quick.ask(asks))
        doubtful = {(answer.question, answer.server) for _, answer in found}
        for server in self.servers:
            if right := next((one.question for one in prepared if (one.question, server) not in doubtful), None):
                self._answered[server] = right
        yield from zip((one for one, _ in found), self._as_good_as_can_be([one for _, one in found]), strict=True)

    def _as_good_as_can_be(self, some: list[Answer]) -> list[Answer]:
        """Whole, and another one in place of what may have been lost on the way."""
        answers = whole(self.vantage, some)
        lost = [at for at, one in enumerate(answers) if one.timed_out][:LOST_QUESTIONS]
        again = self.ask([(answers[at].question, answers[at].server, "udp") for at in lost]) if lost else []
        for at, answer in zip(lost, again, strict=True):
            answers[at] = answer
        self._insist_there(answers)
        return answers

    def _follow(self, promises: Promises, leads: list[_Lead]) -> Iterator[tuple[Key, Mismatch]]:
        asks: dict[tuple[Question, Server], None] = {}
        for lead in leads:
            for rdtype in _rdtypes(promises, lead):
                asks |= dict.fromkeys((Question(name, rdtype), lead.answer.server) for name in lead.names)
        answers: dict[tuple[str, str], list[Answer]] = {}
        waiting = list(asks)
        for start in range(0, len(waiting), BATCH_QUESTIONS):
            for answer in self.answers(waiting[start : start + BATCH_QUESTIONS]):
                answers.setdefault((answer.question.name, answer.server.name), []).append(answer)
        for lead in leads:
            behind = {name: answers[name, lead.answer.server.name] for name in lead.names}
            check = _pointer if lead.key.rdtype == "PTR" else partial(_endpoints, promises)
            if found := check(lead, behind):
                yield lead.key, found

    def answers(self, asks: Sequence[tuple[Question, Server]]) -> list[Answer]:
        """Ask a batch the fast way. Raises ClusterError when a server has gone."""
        self.asked += len(asks)
        return self._as_good_as_can_be(self._quick.answers(asks))

    def ask(self, asks: Sequence[Ask]) -> list[Answer]:
        """Ask a batch. Raises ClusterError when a server says nothing to many questions."""
        answers = ask_whole(self.vantage, asks)
        self.asked += len(answers)
        self._insist_there(answers)
        return answers

    def _insist_there(self, answers: Iterable[Answer]) -> None:
        """Whoever is silent about much is asked what it has answered before: perhaps it only waits for others."""
        silent: dict[Server, list[Question]] = {}
        for answer in answers:
            if answer.problem is None:
                self._answered[answer.server] = answer.question
            else:
                silent.setdefault(answer.server, []).append(answer.question)
        for server in [server for server, some in silent.items() if len(some) >= SILENT_QUESTIONS]:
            (last,) = self.vantage.ask([(self._answered.get(server, silent[server][0]), server, "udp")])
            if last.problem is not None:
                raise ClusterError(f"{server.name} at {server} cannot be asked any more: {last.problem}")


def _lead(key: Key, promise: Promise, answer: Answer) -> _Lead | None:
    for choice, _ in promise.choices:
        if any(ANY_LABEL in one for one in choice.values):
            values = [value(record) for record in answer.records]
            if key.rdtype == "PTR" and not choice.values.isdisjoint(values):
                return None  # one of the names is a right one
            chosen = [one for one in values if one not in promise.must and one not in choice.values]
            names = [one.rpartition(" ")[2] for one in chosen if choice.matches(one)]
            return _Lead(key, promise, answer, choice, list(dict.fromkeys(names)))
    return None


def _rdtypes(promises: Promises, lead: _Lead) -> list[str]:
    if lead.key.rdtype == "PTR":
        return ["AAAA" if lead.key.name.endswith(".ip6.arpa.") else "A"]
    return [one for one in ADDRESS_TYPES if _addresses(promises[Key(_service(lead.choice), one)])] or [ADDRESS_TYPES[0]]


def _pointer(lead: _Lead, behind: dict[str, list[Answer]]) -> Mismatch | None:
    """A PTR record's name has that address."""
    wanted = at_least([dns.reversename.to_address(dns.name.from_text(lead.key.name))])
    checked = [Mismatch(answer, wanted, difference(wanted, answer)) for some in behind.values() for answer in some]
    return None if any(not one.difference for one in checked) else checked[0]


def _endpoints(promises: Promises, lead: _Lead, behind: dict[str, list[Answer]]) -> Mismatch | None:
    """Each name leads to an endpoint of the Service, and together they lead to all that have no hostname."""
    service = _service(lead.choice)
    ready = {one for rdtype in ADDRESS_TYPES for one in _addresses(promises[Key(service, rdtype)])}
    reached: set[str] = set()
    for answers in behind.values():
        found = {value(record) for answer in answers for record in answer.records} & ready
        if not found:
            one_of = at_least([], [Choice(frozenset(ready))])
            return Mismatch(answers[0], one_of, difference(one_of, answers[0]))
        reached |= found
    if len(reached) >= lead.choice.count:
        return None
    nameless = {one for one in ready if _is_nameless(promises, one, service)}
    return Mismatch(lead.answer, lead.promise.expected(), Difference(missing=tuple(in_order(nameless - reached))))


def _addresses(promise: Promise) -> list[str]:
    return [*promise.must, *promise.may]


def _is_nameless(promises: Promises, address: str, service: str) -> bool:
    promise = promises.get(Key(reverse_name(address), "PTR"))
    return promise is not None and any(f"{ANY_LABEL}{service}" in choice.values for choice, _ in promise.choices)


def _service(choice: Choice) -> str:
    return next(one.rpartition(ANY_LABEL)[2] for one in choice.values if ANY_LABEL in one)
