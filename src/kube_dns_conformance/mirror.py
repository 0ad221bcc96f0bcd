"""A live copy of the run's objects: one watch per kind, so that nothing is polled and no change is missed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from kube_dns_conformance.clock import now
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.events import Event, event
from kube_dns_conformance.following import RETRY_SECONDS, Follower
from kube_dns_conformance.kube import Kube, Object

T = TypeVar("T")
KINDS = {
    "Service": "v1",
    "Pod": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "StatefulSet": "apps/v1",
    "Deployment": "apps/v1",
}
JUDGED = ("Service", "Pod", "EndpointSlice")
"""The kinds that expectations are made of."""


class Mirror(Follower):
    """Objects with one label, kept up to date in the background until `close`."""

    def __init__(self, kube: Kube, selector: str, patience: float) -> None:
        """``patience`` is how many seconds the API server may be away before `wait` gives up."""
        super().__init__(kube, patience, KINDS, label_selector=selector)
        self._selector = selector
        self._objects: dict[str, dict[tuple[str, str], Object]] = {kind: {} for kind in KINDS}
        self._confirmed: dict[str, float] = {}
        self._listeners: list[Callable[[Event], None]] = []
        kube.version()  # says at once when there is no API server
        self._start({kind: self._list(kind) for kind in KINDS})

    def objects(self, kind: str, namespace: str) -> list[Object]:
        """The objects of one kind in one namespace, by name. Raises ClusterError when they have been out of reach."""
        self.insist_alive()
        return self.last_known(kind, namespace)

    def one(self, kind: str, namespace: str, name: str) -> Object | None:
        """The object of that name. Raises ClusterError when they have been out of reach."""
        self.insist_alive()
        with self._changed:
            return self._objects[kind].get((namespace, name))

    def last_known(self, kind: str, namespace: str) -> list[Object]:
        """The same as when the API server was last heard: for the evidence, never for a verdict."""
        with self._changed:
            found = [item for (where, _), item in self._objects[kind].items() if where == namespace]
        return sorted(found, key=lambda item: str(item["metadata"]["name"]))

    def wait(self, probe: Callable[[], T | None], within: float, what: str) -> T:
        """Call ``probe`` after every change until it returns something. ``within`` is seconds.

        Raises ClusterError, which makes a verdict *unknown*, when time is up or the API server is gone.
        """
        deadline = time.monotonic() + within
        with self._changed:
            while (found := probe()) is None:
                self.insist_alive()
                left = deadline - time.monotonic()
                if left <= 0:
                    raise ClusterError(f"{what}: not so within {within:g} s")
                self._changed.wait(min(left, RETRY_SECONDS))
        return found

    @contextmanager
    def listening(self, listener: Callable[[Event], None]) -> Iterator[None]:
        """During the block ``listener`` is told of every change, with the copy as the change left it."""
        with self._changed:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._changed:
                self._listeners.remove(listener)

    def tell(self, heard: Event) -> None:
        """Tell whoever listens of what is no change of an object."""
        with self._changed:
            for listener in self._listeners:
                listener(heard)

    def confirm(self, namespace: str, age: float = 0.0) -> None:
        """Wait until the copy of one namespace is what the API server has now, for what verdicts are made of.

        It will do that this was so ``age`` seconds ago. Raises ClusterError, which makes a verdict *unknown*, when the
        API server is gone or the copy stays behind.
        """
        began = time.monotonic()
        if began - self._confirmed.get(namespace, -math.inf) < age:
            return
        deadline = began + self._patience
        for kind in JUDGED:
            while (problem := self._lag(kind, namespace)) is not None:
                if time.monotonic() > deadline:
                    raise ClusterError(problem)
        self._confirmed[namespace] = began

    def _lag(self, kind: str, namespace: str) -> str | None:
        """What keeps the copy from being the present state, after some waiting; None when it is."""
        try:
            items = self._kube.list_metadata(KINDS[kind], kind, namespace, self._selector)
        except ClusterError as error:
            self._closed.wait(RETRY_SECONDS)
            return str(error)
        present = {_key(item): revision(item) for item in items}
        with self._changed:
            if self._changed.wait_for(lambda: self._revisions(kind, namespace) == present, RETRY_SECONDS):
                return None
        return f"the watch of {kind} objects in namespace {namespace} stays behind the API server"

    def _revisions(self, kind: str, namespace: str) -> dict[tuple[str, str], str]:
        return {key: revision(item) for key, item in self._objects[kind].items() if key[0] == namespace}

    def _list(self, kind: str) -> str:
        items, version = self._kube.list(KINDS[kind], kind, label_selector=self._selector)
        new = {_key(item): item for item in items}
        with self._changed:
            old, self._objects[kind] = self._objects[kind], new
            for key in old.keys() - new.keys():
                self._tell(kind, old[key], is_gone=True)
            for key, item in new.items():
                if key not in old or revision(old[key]) != revision(item):
                    self._tell(kind, item, is_gone=False)
            self._changed.notify_all()
        return version

    def _tell(self, kind: str, item: Object, *, is_gone: bool) -> None:
        self.tell(event(kind, item, now(), is_gone=is_gone))

    def _take(self, kind: str, item: Object, *, is_gone: bool) -> None:
        if is_gone:
            self._objects[kind].pop(_key(item), None)
        else:
            self._objects[kind][_key(item)] = item
        self._tell(kind, item, is_gone=is_gone)


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def revision(item: Object) -> str:
    """What is another for every state of every object."""
    return f"{item['metadata']['uid']} {item['metadata']['resourceVersion']}"
