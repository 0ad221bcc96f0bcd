"""One round: what is promised is asked the fast way, what is not plainly right is compared, its names are followed.

An endpoint without a hostname has a label of the server's choice. What SRV and PTR records then name must lead to the
endpoints of the Service, which takes further questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import product, starmap
from typing import NamedTuple

from kube_dns_conformance.agent.flight import GENTLE_RATE
from kube_dns_conformance.dns.compare import ANY_LABEL, Choice, Difference, at_least, difference
from kube_dns_conformance.dns.glance import Prepared
from kube_dns_conformance.dns.model import Answer, Question, Server
from kube_dns_conformance.dns.quick import Doubt, Heard, Quick
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.judge import Mismatch
from kube_dns_conformance.progress import Step
from kube_dns_conformance.promises import ADDRESS_TYPES, Key, Promise, Promises, address_of, reverse_name
from kube_dns_conformance.text import in_order
from kube_dns_conformance.vantage import Ask, Vantage, ask_whole, whole

BATCH_QUESTIONS = 4096
LOST_QUESTIONS = 64
"""So many of those that nobody answered are asked once more, alone, where more can be told of what happens to them."""
GONE_TRIES = 3
"""Who says nothing so many times, asked what it has answered before, has gone."""
SILENT_QUESTIONS = 20
"""A server that answers none of so many in one batch may have gone, which is no answer about any of them."""


class _Lead(NamedTuple):
    """A right answer with names of the server's choice."""

    key: Key
    promise: Promise
    heard: Heard
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

    @property
    def sent_twice(self) -> int:
        """How many questions were overdue and went once more."""
        return self._quick.sent_twice

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
        for one, heard, names in self._doubtful(promises, keys):
            key = Key(one.question.name, one.question.rdtype)
            promise = promises[key]
            if names is not None:
                leads.append(_Lead(key, promise, heard, promise.choices[0][0], names))
            elif found := difference(one.expected, heard.answer):
                yield key, Mismatch(heard.answer, one.expected, found)
            elif lead := _lead(key, promise, heard):
                leads.append(lead)
        yield from self._follow(promises, leads)

    def _doubtful(self, promises: Promises, keys: Sequence[Key]) -> list[Doubt]:
        """The answers that are not right at a glance."""
        self.asked += len(keys) * len(self.servers)
        order = {server.name: at for at, server in enumerate(self.servers)}
        found = sorted(
            self._quick.ask(self._asks(promises, keys)),
            key=lambda one: (one.heard.question, order[one.heard.server.name]),
        )  # and not as they came, which differs from time to time
        doubtful = {(one.heard.question, one.heard.server) for one in found if one.names is None}
        for server in self.servers:
            right = (question for question in starmap(Question, keys) if (question, server) not in doubtful)
            if question := next(right, None):
                self._answered[server] = question
        self._hear_well([one.heard for one in found if one.names is None])
        return found

    def _asks(self, promises: Promises, keys: Iterable[Key]) -> Iterator[tuple[Prepared, Server]]:
        for key in keys:
            one = self._quick.prepare(Question(*key), promises[key].expected())
            for server in self.servers:
                yield one, server

    def _hear_well(self, some: Sequence[Heard]) -> None:
        for heard, better in zip(some, self._as_good_as_can_be([one.answer for one in some]), strict=True):
            heard.take(better)

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
        found: dict[tuple[str, str], list[Heard]] = {}
        waiting = _further(promises, leads)
        for start in range(0, len(waiting), BATCH_QUESTIONS):
            for heard in self._hear(waiting[start : start + BATCH_QUESTIONS]):
                found.setdefault((heard.question.name, heard.server.name), []).append(heard)
        for lead in leads:
            behind = {name: found[name, lead.heard.server.name] for name in lead.names}
            check = _pointer if lead.key.rdtype == "PTR" else partial(_endpoints, promises)
            if wrong := check(lead, behind):
                yield lead.key, wrong

    def answers(self, asks: Sequence[tuple[Question, Server]]) -> list[Answer]:
        """Ask a batch the fast way. Raises ClusterError when a server has gone."""
        return [one.answer for one in self._hear(asks)]

    def _hear(self, asks: Sequence[tuple[Question, Server]]) -> list[Heard]:
        self.asked += len(asks)
        found = self._quick.hear(asks)
        self._hear_well([one for one in found if one.records is None])
        return found

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
            self._insist_answering(server, self._answered.get(server, silent[server][0]))

    def _insist_answering(self, server: Server, question: Question) -> None:
        """Where much is asked, a little may be lost: one silence is no proof."""
        problem: str | None = ""
        for _ in range(GONE_TRIES):
            (last,) = self.vantage.ask([(question, server, "udp")])
            problem = last.problem
            if problem is None:
                return
        raise ClusterError(f"{server.name} at {server} cannot be asked any more: {problem}")


def _lead(key: Key, promise: Promise, heard: Heard) -> _Lead | None:
    for choice, _ in promise.choices:
        if any(ANY_LABEL in one for one in choice.values):
            values = [record.value for record in heard.answer.records]
            if key.rdtype == "PTR" and not choice.values.isdisjoint(values):
                return None  # one of the names is a right one
            chosen = [one for one in values if one not in promise.must and one not in choice.values]
            names = [one.rpartition(" ")[2] for one in chosen if choice.matches(one)]
            return _Lead(key, promise, heard, choice, list(dict.fromkeys(names)))
    return None


def _further(promises: Promises, leads: Iterable[_Lead]) -> list[tuple[Question, Server]]:
    """What tells where they lead. Many share their names, each of which is asked once."""
    asks: dict[tuple[str, str, str], tuple[Question, Server]] = {}
    for lead in leads:
        server = lead.heard.server
        for name, rdtype in product(lead.names, _rdtypes(promises, lead)):
            if (key := (name, rdtype, server.name)) not in asks:
                asks[key] = Question(name, rdtype), server
    return list(asks.values())


def _rdtypes(promises: Promises, lead: _Lead) -> list[str]:
    if lead.key.rdtype == "PTR":
        return ["AAAA" if lead.key.name.endswith(".ip6.arpa.") else "A"]
    return [one for one in ADDRESS_TYPES if _addresses(promises[Key(_service(lead.choice), one)])] or [ADDRESS_TYPES[0]]


def _pointer(lead: _Lead, behind: dict[str, list[Heard]]) -> Mismatch | None:
    """A PTR record's name has that address."""
    wanted = at_least([address_of(lead.key.name)])
    there = [heard for some in behind.values() for heard in some]
    if any(heard.records is not None and heard.values == [*wanted.values] for heard in there):
        return None
    checked = [Mismatch(one.answer, wanted, difference(wanted, one.answer)) for one in there]
    return None if any(not one.difference for one in checked) else checked[0]


def _endpoints(promises: Promises, lead: _Lead, behind: dict[str, list[Heard]]) -> Mismatch | None:
    """Each name leads to an endpoint of the Service, and together they lead to all that have no hostname."""
    service = _service(lead.choice)
    ready = {one for rdtype in ADDRESS_TYPES for one in _addresses(promises[Key(service, rdtype)])}
    reached: set[str] = set()
    for some in behind.values():
        found = {one for heard in some for one in heard.values} & ready
        if not found:
            one_of, answer = at_least([], [Choice(frozenset(ready))]), some[0].answer
            return Mismatch(answer, one_of, difference(one_of, answer))
        reached |= found
    if len(reached) >= lead.choice.count:
        return None
    nameless = {one for one in ready if _is_nameless(promises, one, service)}
    return Mismatch(lead.heard.answer, lead.promise.expected(), Difference(missing=tuple(in_order(nameless - reached))))


def _addresses(promise: Promise) -> list[str]:
    return [*promise.must, *promise.may]


def _is_nameless(promises: Promises, address: str, service: str) -> bool:
    promise = promises.get(Key(reverse_name(address), "PTR"))
    return promise is not None and any(f"{ANY_LABEL}{service}" in choice.values for choice, _ in promise.choices)


def _service(choice: Choice) -> str:
    return next(one.rpartition(ANY_LABEL)[2] for one in choice.values if ANY_LABEL in one)
