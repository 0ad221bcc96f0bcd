"""Whose replicas are followed while a cluster is upgraded."""

from __future__ import annotations

from typing import Any, cast

from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.upgrade.surroundings import Surroundings
from unit.test_agent_discovery import endpoints, service

CACHE = "169.254.20.10"


class Objects:
    """Stands for the objects of the cluster, and for its API."""

    def __init__(self, *items: Object) -> None:
        self.items = list(items)

    def objects(self, kind: str) -> list[Object]:
        return [one for one in self.items if one["kind"] == kind]

    def list(self, *_: str) -> tuple[list[Object], str]:
        return [], "1"


def surroundings(there: Objects, address: str, *replicas: str) -> tuple[Surroundings, list[str]]:
    marks: list[str] = []

    def mark(kind: str, name: str, what: str) -> None:
        marks.append(f"{kind} {name} {what}")

    return Surroundings(cast(Live, there), cast(Kube, there), [address], replicas, mark), marks


def hosts(around: Surroundings) -> set[str]:
    return {one.host for one in around.look()}


def test_behind_a_cache_the_same_service_is_followed_whatever_others_become() -> None:
    names, upstream = service("names", "10.96.0.10"), service("upstream", "10.96.0.20")
    there = Objects(names, upstream)
    there.items += [endpoints(one, ("a", "10.244.0.2", True)) for one in ("names", "upstream")]
    around, marks = surroundings(there, CACHE, "10.244.0.2")
    assert hosts(around) == {"10.244.0.2"}
    there.items[2] = endpoints("names", ("b", "10.244.0.3", True))  # that of the other follows later
    assert hosts(around) == {"10.244.0.3"}
    there.items[2] = endpoints("names")
    there.items += [service("somebodys", "10.96.0.30"), endpoints("somebodys", ("it", "10.244.0.9", True))]
    assert hosts(around) == set()
    assert marks == [
        "DNS replica b is ready at 10.244.0.3",
        "DNS replica a is not ready any more",
        "DNS replica b is not ready any more",
    ]


def test_behind_a_cache_of_which_nothing_is_known_nobody_is_followed() -> None:
    there = Objects(service("names", "10.96.0.10"), endpoints("names", ("a", "10.244.0.2", True)))
    around, _ = surroundings(there, CACHE)
    assert hosts(around) == set()


def test_the_address_of_a_service_that_has_gone_is_no_cache() -> None:
    there: Any = Objects(service("names", "10.96.0.10"), endpoints("names", ("a", "10.244.0.2", True)))
    there.items += [service("somebodys", "10.96.0.30"), endpoints("somebodys", ("it", "10.244.0.9", True))]
    around, _ = surroundings(there, "10.96.0.10", "10.244.0.2")
    assert hosts(around) == {"10.244.0.2"}
    del there.items[:2]
    assert hosts(around) == set()
