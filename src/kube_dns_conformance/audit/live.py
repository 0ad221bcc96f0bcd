"""A copy of what a whole cluster's DNS speaks of, kept up to date, that knows when what about it changed.

Of the objects only that is kept which promises are made of, so that nothing else counts as a change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator

from kube_dns_conformance.audit.share import ALL, Share
from kube_dns_conformance.clock import now
from kube_dns_conformance.errors import ClusterError, ForbiddenError
from kube_dns_conformance.following import RETRY_SECONDS, Follower
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.oracle import SERVICE_LABEL
from kube_dns_conformance.progress import Step
from kube_dns_conformance.promises import PUBLISH_ANNOTATION

KINDS = {"Service": "v1", "EndpointSlice": "discovery.k8s.io/v1", "Pod": "v1"}

Subject = tuple[str, str]
"""Whom a change concerns: the namespace and name of a Service, or the namespace and an address of a Pod."""

_Key = tuple[str, str]


class Live(Follower):
    """Services, EndpointSlices and, where that is allowed, Pods of a cluster, until `close`."""

    def __init__(self, kube: Kube, patience: float, progress: Step, share: Share = ALL) -> None:
        """``patience`` is how many seconds a watch may be broken; kept is what ``share`` takes. Raises ClusterError."""
        super().__init__(kube, patience, KINDS)
        self._share = share
        self._objects: dict[str, dict[_Key, Object]] = {}
        self._stamps: dict[Subject, float] = {}
        self._progress: Step | None = progress
        self.changes = 0
        self._listener: Callable[[], None] | None = None
        versions = {kind: self._list(kind) for kind in ("Service", "EndpointSlice")}
        self.pods_refused = ""
        try:
            versions["Pod"] = self._list("Pod")
        except ForbiddenError as error:
            self.pods_refused = str(error)
        self._progress = None  # from now on nobody waits for lists
        self.listed_at = now()
        self._start(versions)

    def objects(self, kind: str) -> list[Object]:
        """Those of one kind as they are now."""
        with self._changed:
            return list(self._objects.get(kind, {}).values())

    def listen(self, listener: Callable[[], None]) -> None:
        """From now on ``listener`` is called after every change, before the next is taken over."""
        with self._changed:
            self._listener = listener

    def changed_at(self, subjects: Collection[Subject]) -> float:
        """When what concerns them changed last (epoch seconds); when all was listed, if nothing has since."""
        with self._changed:
            return max((self._stamps.get(one, 0.0) for one in subjects), default=0.0) or self.listed_at

    def confirm(self, subjects: Collection[Subject]) -> None:
        """Wait until what concerns them is what the API server has now.

        Raises ClusterError, which blames nobody, when the API server is gone or a watch stays behind it.
        """
        wanted = frozenset(subjects)
        deadline = time.monotonic() + self._patience
        for kind in list(self._objects):
            while (problem := self._lag(kind, wanted)) is not None:
                if time.monotonic() > deadline:
                    raise ClusterError(problem)

    def _lag(self, kind: str, subjects: frozenset[Subject]) -> str | None:
        try:
            pages = self._kube.pages(KINDS[kind], kind)
            there = {key: kept for items, _ in pages for key, kept in self._kept(kind, items)}
        except ClusterError as error:
            self._closed.wait(RETRY_SECONDS)
            return str(error)
        with self._changed:
            if self._changed.wait_for(
                lambda: self._about(kind, self._objects[kind], subjects) == self._about(kind, there, subjects),
                RETRY_SECONDS,
            ):
                return None
        return f"the watch of {kind} objects stays behind the API server"

    def _list(self, kind: str) -> str:
        found: dict[_Key, Object] = {}
        version = ""
        for items, now_at in self._kube.pages(KINDS[kind], kind):
            version = now_at
            found |= dict(self._kept(kind, items))
            if self._progress is not None:
                self._progress.update(note=f"{len(found)} {kind} objects")
        with self._changed:
            before = self._objects.get(kind, found)  # the first list is where changes begin
            for key in before.keys() | found.keys():
                self._stamp(kind, before.get(key), found.get(key))
            self._objects[kind] = found
            self._tell()
            self._changed.notify_all()
        return version

    def _stamp(self, kind: str, before: Object | None, after: Object | None) -> None:
        if before == after:
            return
        self.changes += 1
        moment = now()
        for one in (before, after):
            for subject in self._concerned(kind, one) if one else ():
                self._stamps[subject] = moment

    def _concerned(self, kind: str, one: Object) -> list[Subject]:
        """What is behind a Service that has an address of its own concerns no record."""
        subjects = subjects_of(kind, one)
        if kind != "EndpointSlice":
            return subjects
        services = self._objects.get("Service", {})
        return [subject for subject in subjects if _may_be_headless(services.get(subject))]

    def _about(self, kind: str, objects: dict[_Key, Object], subjects: frozenset[Subject]) -> dict[_Key, Object]:
        return {key: one for key, one in objects.items() if not subjects.isdisjoint(self._concerned(kind, one))}

    def _take(self, kind: str, item: Object, *, is_gone: bool) -> None:
        key, after = _key(item), None if is_gone else self._share.keeps(kind, essence(kind, item))
        self._stamp(kind, self._objects[kind].get(key), after)
        if after is None:
            self._objects[kind].pop(key, None)
        else:
            self._objects[kind][key] = after
        self._tell()

    def _kept(self, kind: str, items: Iterable[Object]) -> Iterator[tuple[_Key, Object]]:
        for item in items:
            if (kept := self._share.keeps(kind, essence(kind, item))) is not None:
                yield _key(item), kept

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener()


def essence(kind: str, item: Object) -> Object:
    """What promises are made of, and which object it is."""
    meta = item["metadata"]
    kept: Object = {"name": meta["name"], "namespace": meta["namespace"], "uid": meta.get("uid")}
    if kind == "Service":
        kept["annotations"] = _only(meta.get("annotations"), PUBLISH_ANNOTATION)
        return {"metadata": kept, "spec": _service_spec(item.get("spec") or {})}
    if kind == "EndpointSlice":
        kept["labels"] = _only(meta.get("labels"), SERVICE_LABEL)
        endpoints = [_endpoint(one) for one in item.get("endpoints") or []]
        return {
            "metadata": kept,
            "addressType": item.get("addressType"),
            "ports": item.get("ports"),
            "endpoints": endpoints,
        }
    status = item.get("status") or {}
    kept["deletionTimestamp"] = meta.get("deletionTimestamp")
    return {"metadata": kept, "status": {"phase": status.get("phase"), "podIPs": status.get("podIPs")}}


def _only(some: dict[str, str] | None, name: str) -> dict[str, str]:
    return {name: some[name]} if some and name in some else {}


def _service_spec(spec: Object) -> Object:
    names = ("type", "clusterIP", "clusterIPs", "externalName", "publishNotReadyAddresses")
    ports = [
        {"name": port.get("name"), "port": port.get("port"), "protocol": port.get("protocol") or "TCP"}
        for port in spec.get("ports") or []
    ]
    return {name: spec.get(name) for name in names} | {"ports": ports}


def _endpoint(one: Object) -> Object:
    return {
        "addresses": one.get("addresses"),
        "hostname": one.get("hostname"),
        "conditions": {"ready": (one.get("conditions") or {}).get("ready")},
        "targetRef": {"name": (one.get("targetRef") or {}).get("name")},
    }


def subjects_of(kind: str, item: Object) -> list[Subject]:
    """Whom an object speaks of."""
    meta = item["metadata"]
    if kind == "Service":
        return [(meta["namespace"], meta["name"])]
    if kind == "EndpointSlice":
        return [(meta["namespace"], meta["labels"][SERVICE_LABEL])] if meta["labels"] else []
    return [(meta["namespace"], one["ip"]) for one in item["status"]["podIPs"] or []]


def _may_be_headless(service: Object | None) -> bool:
    return service is None or service["spec"]["clusterIP"] in (None, "", "None")


def _key(item: Object) -> _Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]
