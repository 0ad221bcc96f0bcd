"""Shares of an audit: each name is in one of them, and is known there as well as by somebody who has all objects."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from honest import ZONE, World
from kube_dns_conformance.audit.live import essence
from kube_dns_conformance.audit.share import Share
from kube_dns_conformance.kube import Object
from kube_dns_conformance.promises import Key, Promises, expected, reverse_name
from objects import endpoint, endpoint_slice, headless
from unit.test_promises_laws import WORLDS

COUNTS = st.integers(1, 5)


def promised(world: World, share: Share) -> Promises:
    """By what of the world's objects the share keeps."""

    def kept(kind: str, items: Iterable[Object]) -> list[Object]:
        return [one for item in items if (one := share.keeps(kind, essence(kind, item))) is not None]

    services, slices, pods = world.services, world.slices, world.pods
    return expected(kept("Service", services), kept("EndpointSlice", slices), kept("Pod", pods), ZONE)


@given(WORLDS, COUNTS)
def test_every_name_is_in_one_share_which_knows_all_that_is_promised_of_it(world: World, count: int) -> None:
    whole = promised(world, Share())
    asked = []
    for share in (Share(index, count) for index in range(count)):
        known = promised(world, share)
        mine = [key for key, promise in whole.items() if share.has(key, promise, ZONE)]
        assert {key: known[key] for key in mine} == {key: whole[key] for key in mine}
        assert {key for key, promise in known.items() if key in whole and share.has(key, promise, ZONE)} == set(mine)
        asked += mine
    assert sorted(asked) == sorted(whole)


def test_a_share_keeps_the_endpoints_of_its_own_and_no_others() -> None:
    slices = [
        endpoint_slice(*(endpoint(f"10.64.{at}.{one}") for one in range(100)), of=f"s{at}", name=f"s{at}")
        for at in range(100)
    ]
    kept = [
        sum(
            len(one["endpoints"])
            for item in slices
            if (one := share.keeps("EndpointSlice", essence("EndpointSlice", item)))
        )
        for share in (Share(index, 4) for index in range(4))
    ]
    # Of its own quarter of the Services all, of the others' a quarter: seven sixteenths of 10,000.
    assert all(3800 < one < 5000 for one in kept)


def test_two_services_with_one_address_are_known_to_whoever_asks_for_its_pointer() -> None:
    services = [headless(f"s{at}") for at in range(8)]
    slices = [endpoint_slice(endpoint("10.64.0.1"), of=f"s{at}", name=f"s{at}") for at in range(8)]
    world = World(services, slices, [])
    key = Key(reverse_name("10.64.0.1"), "PTR")
    (found,) = [
        one
        for index in range(8)
        if (one := promised(world, Share(index, 8))).get(key) and len(one[key].choices[0][0].values) == 8
    ]
    assert found[key] == promised(world, Share())[key]
