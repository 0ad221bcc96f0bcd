"""Which questions are watched, and what the objects say of each, from when on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.audit.selection import promises_of, select, subjects
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.compare import Expected
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.oracle import SERVICE_LABEL
from kube_dns_conformance.outages import Truth
from kube_dns_conformance.promises import Key, Promise, Promises, expected

MOST_QUESTIONS = 400
"""So many one agent asks of two servers over two transports twenty times a second, on one core."""
REMEMBERED = 50
"""Of so many earlier states an answer is known to be stale."""
POD_RECORDS = "2.6"
"""The section of what servers may leave out."""
NOTHING = Promise("2")
GONE = Expected("nothing")
"""What is true of a name that no object promises any more."""


def choose(live: Live, zone: str, names: Sequence[str], namespaces: Sequence[str], sample: int) -> list[Key]:
    """The questions about these names; or about all names of the Services of these namespaces, or of a sample of them.

    Raises UsageError when no object promises a name, when there is no Service, or when there are too many names.
    """
    promises = promises_of(live, zone)
    selected = select(live, promises, zone, namespaces, sample)
    keys = [key for key in selected.keys if key.rdtype != "PTR" and promises[key].section != POD_RECORDS]
    if names:
        wanted = {_absolute(name, zone): name for name in names}
        keys = [key for key in keys if key.name in wanted]
        for unknown in wanted.keys() - {key.name for key in keys}:
            raise UsageError(f"no Service promises {wanted[unknown]}", "names are such as web.shop or web-0.web.shop")
    if len(keys) > MOST_QUESTIONS:
        what = f"{len(keys)} names and types are more than the {MOST_QUESTIONS} that can be watched without a gap"
        raise UsageError(what, "name some, or --namespace NS, or --sample N")
    return keys


def _absolute(name: str, zone: str) -> str:
    name = name.lower()
    if name.endswith("."):
        return name
    return f"{name}." if name.endswith(f".svc.{zone}") else f"{name}.svc.{zone}."


class News(NamedTuple):
    """The objects say something else of a question, since ``at`` (epoch seconds)."""

    at: float
    key: Key
    said: Expected


class Truths:
    """What was true of each question, kept up to date with every single change of the objects."""

    def __init__(self, live: Live, zone: str, keys: Iterable[Key]) -> None:
        self._live = live
        self._zone = zone
        promises = promises_of(live, zone)
        # Since they were chosen some may have gone.
        self._subjects = {key: subjects(key, promises.get(key, NOTHING), zone) for key in keys}
        self._services = {one for some in self._subjects.values() for one in some}
        self._known = {key: Truth(((now(), _said(promises, key)),)) for key in self._subjects}
        self._news: deque[News] = deque()
        self._confirmed: dict[Key, float] = {}
        live.listen(self._note)
        self._note()

    def of(self, question: Question) -> Truth:
        """What was true of a question, and from when on, as far as it has been heard."""
        return self._known[Key(question.name, question.rdtype)]

    def confirm(self, question: Question, asked: float) -> None:
        """Wait until all that the API server had of a question when it was ``asked`` (epoch seconds) is known.

        Raises ClusterError when that fails.
        """
        key = Key(question.name, question.rdtype)
        if asked >= self._confirmed.get(key, 0.0):  # not for each of many wrong answers
            began = now()
            self._live.confirm(self._subjects[key])
            self._confirmed[key] = began

    def news(self) -> list[News]:
        """What has changed since the last look. Raises ClusterError when the API server has been away for too long."""
        self._live.insist_alive()
        return [self._news.popleft() for _ in range(len(self._news))]

    def _note(self) -> None:
        promises = self._promises()
        for key, concerned in self._subjects.items():
            said, known = _said(promises, key), self._known[key].said
            if known[-1][1] != said:
                news = News(self._live.changed_at(concerned), key, said)
                self._known[key] = Truth((*known[-REMEMBERED:], (news.at, said)))
                self._news.append(news)

    def _promises(self) -> Promises:
        services = [one for one in self._live.objects("Service") if _id(one["metadata"]) in self._services]
        slices = [
            one
            for one in self._live.objects("EndpointSlice")
            if (one["metadata"]["namespace"], one["metadata"]["labels"].get(SERVICE_LABEL)) in self._services
        ]
        return expected(services, slices, [], self._zone)


def _said(promises: Promises, key: Key) -> Expected:
    return promises[key].expected() if key in promises else GONE


def _id(meta: dict[str, str]) -> tuple[str, str]:
    return meta["namespace"], meta["name"]
