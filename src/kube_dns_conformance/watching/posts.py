"""From where a watch asks: from one place, or from every node with an agent, for as long as it can be asked from."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress

from kube_dns_conformance.dns.model import Answer, Question, Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import Vantage
from kube_dns_conformance.watch import Observer, Watch, gentle_slot


class Posts(ABC):
    """Asks while the block lasts."""

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
        self._watch = Watch([vantage], servers, questions, timings.slot)

    def __enter__(self) -> Posts:
        self._watch.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        self._watch.__exit__(*what)

    @property
    def observers(self) -> Sequence[Observer]:
        """See `Posts`."""
        return self._watch.observers

    def take(self, within: float) -> list[Answer]:
        """See `Posts`."""
        return self._watch.take(within)


class EveryNode(Posts):
    """From each node with an agent. While that is gone nothing is asked from there."""

    def __init__(
        self, vantage: Vantage, servers: Sequence[Server], questions: Sequence[Question], timings: Timings
    ) -> None:
        self._vantage, self._servers, self._questions = vantage, servers, questions
        self._slot = gentle_slot(timings.slot, len(vantage.posts()), len(servers), len(questions))
        self._patience = timings.api
        self._watches: dict[str, Watch] = {}
        self._heard_at = time.monotonic()

    def __enter__(self) -> Posts:
        return self

    def __exit__(self, *_: object) -> None:
        for watch in self._watches.values():
            with suppress(ClusterError):
                watch.__exit__(None)

    @property
    def observers(self) -> Sequence[Observer]:
        """See `Posts`."""
        return [one for watch in self._watches.values() for one in watch.observers]

    def take(self, within: float) -> list[Answer]:
        """See `Posts`. Of a node that cannot be asked from nothing is told for as long."""
        found: list[Answer] = []
        last: ClusterError | None = None
        for vantage in self._vantage.posts():
            try:
                found += self._of(vantage).take(0.0 if found else within)
                self._heard_at = time.monotonic()
            except ClusterError as error:
                last = error
        if time.monotonic() - self._heard_at > self._patience:
            raise ClusterError(f"no node can be asked from any more, last: {last}")
        return found

    def _of(self, vantage: Vantage) -> Watch:
        if vantage.place not in self._watches:
            watch = Watch([vantage], self._servers, self._questions, self._slot)
            self._watches[vantage.place] = watch.__enter__()
        return self._watches[vantage.place]
