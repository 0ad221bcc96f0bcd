"""A closer look at what is about to change, where there are too many names to ask all of them often."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.watch import Observer, Watch

BLOCK = 5
"""So many questions begin and end to be watched together."""
AHEAD = 5
"""So many are watched before their turn has come."""
BEHIND = 8
"""So many still are when their turn is over: DNS takes its time to follow."""


class Focus(threading.Thread):
    """Watches few questions at a time, those around the last that changed, until ``with`` ends.

    ``order`` is in which order they change; of none nothing is watched. ``watch`` makes a watch of some of them.
    """

    def __init__(self, order: Sequence[Question], watch: Callable[[Sequence[Question]], Watch]) -> None:
        super().__init__(daemon=True)
        self._blocks = [order[at : at + BLOCK] for at in range(0, len(order), BLOCK)]
        self._places = {question: at for at, question in enumerate(order)}
        self._watch = watch
        self._last = 0
        self._heard = threading.Event()
        self._ended = False
        self._watches: dict[int, Watch] = {}
        self._answers: list[Answer] = []
        self._observers: dict[str, Observer] = {}

    def __enter__(self) -> Focus:
        self._look()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._heard.set()
        self.join()
        for block in list(self._watches):
            self._leave(block)

    def hear(self, changed: Iterable[Question]) -> None:
        """These have changed now."""
        self._last = max([self._last, *(self._places[one] for one in changed if one in self._places)])
        self._heard.set()

    def answers(self) -> list[Answer]:
        """What was seen, once it has ended."""
        return self._answers

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Who watched, and how well, once it has ended."""
        return tuple(self._observers.values())

    def run(self) -> None:
        """The thread: whoever tells of changes is not to wait for what is begun and ended."""
        while not self._ended:
            self._heard.wait()
            self._heard.clear()
            self._look()

    def _look(self) -> None:
        first, last = max(0, self._last - BEHIND) // BLOCK, (self._last + AHEAD) // BLOCK
        wanted = range(first, min(last + 1, len(self._blocks)))
        for block in wanted:
            if block not in self._watches:
                with suppress(ClusterError):  # it is watched from afar all the same
                    self._watches[block] = self._watch(self._blocks[block]).__enter__()
        for block in self._watches.keys() - set(wanted):
            self._leave(block)

    def _leave(self, block: int) -> None:
        watch = self._watches.pop(block)
        with suppress(ClusterError):
            watch.__exit__(None)
        self._answers += watch.answers()
        for one in watch.observers:
            known = self._observers.setdefault(one.name, replace(one, slots=0, missed=0))
            slots, missed, error = known.slots + one.slots, known.missed + one.missed, max(known.error, one.error)
            self._observers[one.name] = replace(one, slots=slots, missed=missed, error=error)
