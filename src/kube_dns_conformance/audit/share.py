"""A share of an audit: which names are asked by whom when several ask, and what has to be kept to know their records.

The API server cannot list by a hash. So everybody reads all, a page at a time, and keeps what its own names take: all
Services, the EndpointSlices of its Services whole, of the others the endpoints whose addresses are its own, as PTR
records of one address may lead to several Services.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from kube_dns_conformance.dns.model import normal
from kube_dns_conformance.kube import Object
from kube_dns_conformance.oracle import SERVICE_LABEL
from kube_dns_conformance.promises import Key, Promise, address_of


@dataclass(frozen=True)
class Share:
    """The ``index``-th of ``count`` shares, from 0. Which one a name is in depends on nothing but the name."""

    index: int = 0
    count: int = 1

    def has(self, key: Key, promise: Promise, zone: str) -> bool:
        """Whether it is this one that asks ``key``. Records by an address go by that, all others by their Service."""
        if self.count == 1:
            return True
        if key.rdtype == "PTR":
            return self._has(address_of(key.name))
        if promise.section == "2.6":
            return any(map(self._has, promise.must))
        service, namespace = key.name.removesuffix(f".svc.{zone}.").split(".")[-2:]
        return self._has(f"{namespace}/{service}")

    def keeps(self, kind: str, item: Object) -> Object | None:
        """What has to be kept of an object; None for nothing of it."""
        if self.count == 1 or kind == "Service":
            return item
        if kind == "Pod":
            return item if any(self._has(normal(one["ip"])) for one in item["status"]["podIPs"] or []) else None
        service = item["metadata"]["labels"].get(SERVICE_LABEL)
        if service and self._has(f"{item['metadata']['namespace']}/{service}"):
            return item
        endpoints = [one for one in item["endpoints"] if any(self._has(normal(at)) for at in one["addresses"] or [])]
        return item | {"endpoints": endpoints} if service and endpoints else None

    def _has(self, text: str) -> bool:
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % self.count == self.index


ALL = Share()
"""Of one who asks alone."""
