"""Follows objects in the background: one watch for each kind, made whole again by a list whenever it broke."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object

WATCH_SECONDS = 300
RETRY_SECONDS = 0.5


class Follower(ABC):
    """Whoever keeps a copy of objects: says how to list a kind, and what to do with a change, until `close`."""

    def __init__(self, kube: Kube, patience: float, kinds: Mapping[str, str], **options: Any) -> None:
        """``patience`` is how many seconds a watch may be broken, ``kinds`` has the API version of each kind.

        ``options`` are of `Kube.watch`. Nothing is followed before `_start`.
        """
        self._kube = kube
        self._patience = patience
        self._kinds = kinds
        self._options = options
        self._changed = threading.Condition()
        self._problems: dict[str, tuple[float, str]] = {}
        self._closed = threading.Event()

    def close(self) -> None:
        """Stop following. The threads end with their current watch; as daemons they never hold up the process."""
        self._closed.set()

    @property
    def is_alive(self) -> bool:
        """Whether changes are heard of now."""
        with self._changed:
            return not self._problems

    def insist_alive(self) -> None:
        """Raise ClusterError when changes have not been heard of for too long."""
        with self._changed:
            for since, problem in self._problems.values():
                if time.monotonic() - since > self._patience:
                    raise ClusterError(problem)

    def wait_alive(self, within: float) -> None:
        """Wait until every watch goes on. Raises ClusterError when one does not ``within`` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._problems, within):
                raise ClusterError(next(problem for _, problem in self._problems.values()))

    @abstractmethod
    def _list(self, kind: str) -> str:
        """Take over all objects of a kind; returns the resourceVersion of the list. Raises ClusterError."""

    @abstractmethod
    def _take(self, kind: str, item: Object, *, is_gone: bool) -> None:
        """Take over one change. `_changed` is held."""

    def _start(self, versions: Mapping[str, str]) -> None:
        """Follow these kinds from these resourceVersions on."""
        for kind, version in versions.items():
            threading.Thread(target=self._follow, args=(kind, version), name=f"follow-{kind}", daemon=True).start()

    def _follow(self, kind: str, version: str) -> None:
        while not self._closed.is_set():
            try:
                if not version:  # a new list makes the copy whole again
                    version = self._list(kind)
                    with self._changed:
                        self._problems.pop(kind, None)
                        self._changed.notify_all()
                version = self._watch(kind, version)
            except Exception as error:  # noqa: BLE001 - whatever broke the watch, nobody else would hear of it
                version = ""
                with self._changed:
                    since = self._problems.get(kind, (time.monotonic(), ""))[0]
                    what = f"the watch of {kind} objects broke: {type(error).__name__}: {error}"
                    self._problems[kind] = (since, what)
                    self._changed.notify_all()
                self._closed.wait(RETRY_SECONDS)

    def _watch(self, kind: str, version: str) -> str:
        options = self._options | {"resource_version": version, "timeout": WATCH_SECONDS}
        for change, item in self._kube.watch(self._kinds[kind], kind, **options):
            if self._closed.is_set() or change == "ERROR":
                return ""
            version = item["metadata"]["resourceVersion"]
            with self._changed:
                self._take(kind, item, is_gone=change == "DELETED")
                self._changed.notify_all()
        return version
