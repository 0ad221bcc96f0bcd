"""From where a watch asks: from one place, or from every node with an agent, for as long as it can be asked from."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from kube_dns_conformance.dns.model import Answer, Question, Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.timeline import Lane
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import Vantage
from kube_dns_conformance.watch import WAYS, Observer, Watch, gentle_slot

TRIED_AGAIN_SECONDS = 5.0
"""So long is nothing asked of a node that did not answer."""


class Posts(ABC):
    """Asks while the block lasts, once in each ``slot`` (seconds)."""

    slot: float

    @property
    @abstractmethod
    def lanes(self) -> Sequence[Lane]:
        """What shall be asked all the time."""

    @property
    @abstractmethod
    def observers(self) -> Sequence[Observer]:
        """Who watches, and how well until now."""

    @abstractmethod
    def take(self, within: float) -> list[Answer]:
        """What is new, waiting for it up to ``within`` seconds. Raises ClusterError when nobody can ask any more."""

    @abstractmethod
    def __enter__(self) -> Posts:
        """Begin to ask."""

    @abstractmethod
    def __exit__(self, *what: object) -> None:
        """End it. What was seen until then can be taken afterwards."""


class OnePlace(Posts):
    """Where the run asks from anyhow."""

    def __init__(
        self, vantage: Vantage, servers: Sequence[Server], questions: Sequence[Question], timings: Timings
    ) -> None:
        self.slot = timings.slot
        self._watch = Watch([vantage], servers, questions, self.slot)

    def __enter__(self) -> Posts:
        self._watch.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        self._watch.__exit__(*what)

    @property
    def lanes(self) -> Sequence[Lane]:
        """See `Posts`."""
        return sorted(self._watch.lanes, key=str)

    @property
    def observers(self) -> Sequence[Observer]:
        """See `Posts`."""
        return self._watch.observers

    def take(self, within: float) -> list[Answer]:
        """See `Posts`."""
        return self._watch.take(within)


class EveryNode(Posts):
    """From each of ``nodes`` with an agent, and of those that come. While an agent is gone nothing is told from there.

    What each node asks is given a slot that is gentle for as many as there are at the beginning.
    """

    def __init__(
        self,
        vantage: Vantage,
        servers: Sequence[Server],
        questions: Sequence[Question],
        timings: Timings,
        nodes: Sequence[str],
    ) -> None:
        self.slot = gentle_slot(timings.slot, len(nodes), len(servers), len(questions))
        self._vantage, self._servers, self._questions = vantage, servers, questions
        self._nodes, self._patience = nodes, timings.api
        self._watches: dict[str, Watch] = {}
        self._not_before: dict[str, float] = {}
        self._heard_at = time.monotonic()
        self._heard = dict.fromkeys(nodes, self._heard_at)
        self._ended_at: float | None = None
        self._rest: list[Answer] = []
        self._last = ClusterError("there is no agent Pod that is ready")

    def __enter__(self) -> Posts:
        return self

    def __exit__(self, *what: object) -> None:
        self._ended_at = time.monotonic()
        for node, watch in self._watches.items():
            if self._may_be_asked(node):  # the others end by themselves
                with suppress(ClusterError):
                    watch.__exit__(*what)
                    self._rest += watch.take(0.0)
                    self._heard[node] = self._ended_at

    @property
    def lanes(self) -> Sequence[Lane]:
        """See `Posts`. Of a node that came later nobody expects that."""
        asked = [
            (question, server.name, how) for question in self._questions for server in self._servers for how in WAYS
        ]
        return [Lane(*one, node) for node in self._nodes for one in asked]

    @property
    def observers(self) -> Sequence[Observer]:
        """See `Posts`. What was not heard from a node until the end is missed; of a node without an agent, all."""
        end = self._ended_at or time.monotonic()
        found = []
        for node, heard in sorted(self._heard.items()):
            unheard, watch = int((end - heard) / self.slot), self._watches.get(node)
            one = watch.observers[0] if watch else Observer("", self.slot, 0, 0, 0.0, 0.0)
            name = f"agent on node {node}"
            found.append(replace(one, name=name, slots=one.slots + unheard, missed=one.missed + unheard))
        return found

    def take(self, within: float) -> list[Answer]:
        """See `Posts`."""
        if self._ended_at is not None:
            found, self._rest = self._rest, []
            return found
        found, was_asked = [], False
        last: ClusterError | None = None
        for vantage in self._posts():
            try:
                found += self._of(vantage).take(0.0 if was_asked else within)
                was_asked = True
                self._heard_at = self._heard[vantage.place] = time.monotonic()
            except ClusterError as error:
                last = error
                self._not_before[vantage.place] = time.monotonic() + TRIED_AGAIN_SECONDS
        if not was_asked:
            self._insist_soon(last)
            time.sleep(within)
        return found

    def _posts(self) -> list[Vantage]:
        with suppress(ClusterError):  # the API server is away
            return [one for one in self._vantage.posts() if self._may_be_asked(one.place)]
        return []

    def _may_be_asked(self, place: str) -> bool:
        """Whoever did not answer a moment ago holds up all others."""
        return time.monotonic() >= self._not_before.get(place, 0.0)

    def _insist_soon(self, last: ClusterError | None) -> None:
        self._last = last or self._last
        if time.monotonic() - self._heard_at > self._patience:
            raise ClusterError(f"no node can be asked from any more: {self._last}")

    def _of(self, vantage: Vantage) -> Watch:
        if vantage.place not in self._watches:
            watch = Watch([vantage], self._servers, self._questions, self.slot)
            self._watches[vantage.place] = watch.__enter__()
        return self._watches[vantage.place]
