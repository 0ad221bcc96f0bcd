"""Which names and types are audited."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from kube_dns_conformance.audit.live import Live, Subject
from kube_dns_conformance.audit.share import ALL, Share
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.promises import Key, Promise, Promises, expected

LONGEST_NAME = 254
"""In presentation form with the final dot: 255 bytes on the wire (RFC 1035 section 3.1)."""
LARGEST_MESSAGE = 65535
RECORD_BYTES = {"A": 16, "AAAA": 28, "SRV": 22}
"""The least that a record takes, all names in it compressed."""


class Selection(NamedTuple):
    """``keys`` is what to ask; ``skipped`` is why what else is promised is not asked, with how many."""

    keys: list[Key]
    services: list[Object]
    pods: list[Object]
    skipped: Counter[str]


def promises_of(live: Live, zone: str) -> Promises:
    """Everything that is promised now."""
    return expected(live.objects("Service"), live.objects("EndpointSlice"), live.objects("Pod"), zone)


def select(
    live: Live, promises: Promises, zone: str, namespaces: Collection[str], sample: int, share: Share = ALL
) -> Selection:
    """What Services, and Pods, of these namespaces promise, all when none is named; of it, what ``share`` has.

    ``sample`` takes so many of either, always the same ones: see `first_by_hash`. Raises UsageError when there is no
    Service to select.
    """
    services, pods = (
        first_by_hash((one for one in live.objects(kind) if _in(one, namespaces)), sample)
        for kind in ("Service", "Pod")
    )
    if not services:
        raise _no_service(namespaces)
    # What they promise; what is promised of an address takes all Services to know.
    keys = expected(services, live.objects("EndpointSlice"), pods, zone).keys()
    skipped: Counter[str] = Counter()
    possible = []
    for key in keys & promises.keys():  # what is new since is left out
        if not share.has(key, promises[key], zone):
            continue
        if why := _impossible(key, promises[key]):
            skipped[why] += 1
        else:
            possible.append(key)
    return Selection(sorted(possible), services, pods, skipped)


def insist_something(kube: Kube, namespaces: Collection[str]) -> None:
    """Raise UsageError when there is no Service to select."""
    if not any(_in(one, namespaces) for items, _ in kube.pages("v1", "Service") for one in items):
        raise _no_service(namespaces)


def _no_service(namespaces: Collection[str]) -> UsageError:
    where = f" in {'namespace' if len(namespaces) == 1 else 'namespaces'} {', '.join(namespaces)}"
    return UsageError(f"there is no Service{where if namespaces else ''}")


def first_by_hash(objects: Iterable[Object], count: int) -> list[Object]:
    """Those whose namespace and name have the least SHA-256; all for 0."""
    if not count:
        return list(objects)

    def order(one: Object) -> bytes:
        return hashlib.sha256(f"{one['metadata']['namespace']}/{one['metadata']['name']}".encode()).digest()

    return sorted(objects, key=order)[:count]


def subjects(key: Key, promise: Promise, zone: str) -> set[Subject]:
    """Whose changes concern a promise."""
    if promise.section == "2.6":
        return {(why.namespace, ip) for ip, why in promise.must.items()}
    names = [key.name]
    if key.rdtype == "PTR":
        names = [*promise.must, *(one for choice, _ in promise.choices for one in choice.values)]
    below = f".svc.{zone}."
    found = (name.removesuffix(below).split(".")[-2:] for name in names)
    return {(namespace, service) for service, namespace in found}


def _in(one: Object, namespaces: Collection[str]) -> bool:
    return not namespaces or one["metadata"]["namespace"] in namespaces


def _impossible(key: Key, promise: Promise) -> str:
    if len(key.name) > LONGEST_NAME:
        return "the name is longer than DNS allows"
    records = len(promise.must) + sum(choice.count for choice, _ in promise.choices)
    if records * RECORD_BYTES.get(key.rdtype, 0) > LARGEST_MESSAGE:
        return "the answer is larger than DNS allows"
    return ""
