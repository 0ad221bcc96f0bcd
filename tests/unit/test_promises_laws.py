"""The oracle's laws, over worlds of objects that no one would write down, and two honest servers that read them."""

from __future__ import annotations

import random

from hypothesis import assume, given
from hypothesis import strategies as st

from honest import Honest, World
from kube_dns_conformance.dns.compare import difference
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.kube import Object
from kube_dns_conformance.promises import Key, Promises
from objects import endpoint, endpoint_slice, external, headless, pod, service
from observations import seen

NAMES = st.sampled_from(["web", "api", "0-9", "x" * 63])
SPACES = st.sampled_from(["shop", "shop-2"])
V4 = st.sampled_from([f"10.64.0.{at}" for at in range(1, 6)])
V6 = st.sampled_from([f"fd00:10::{at}" for at in range(1, 6)])
PORT_NAMES = st.sampled_from([("", "TCP"), ("http", "TCP"), ("dns", "TCP"), ("dns", "UDP")])
PORTS = st.none() | st.dictionaries(PORT_NAMES, st.sampled_from([80, 8080, 9090]), max_size=3).map(
    lambda found: [(name, number, protocol) for (name, protocol), number in found.items()]
)


def endpoints(addresses: st.SearchStrategy[str]) -> st.SearchStrategy[Object]:
    return st.builds(
        endpoint,
        addresses,
        hostname=st.sampled_from([None, "", "a", "b", "web-0", "web-10"]),
        ready=st.sampled_from([True, True, False, None]),
        # Not also a hostname: whatever a server calls an endpoint without one has to be unique (section 2.1).
        pod=st.sampled_from(["", "db-0", "db.1", "db-2"]),
    )


def slices_of(addresses: st.SearchStrategy[str]) -> st.SearchStrategy[Object]:
    return st.builds(
        lambda some, of, name, namespace, ports: endpoint_slice(
            *some, of=of, name=name, namespace=namespace, ports=ports
        ),
        st.lists(endpoints(addresses), max_size=4),
        NAMES,
        st.sampled_from("abcdef"),
        SPACES,
        PORTS,
    )


@st.composite
def services(draw: st.DrawFn) -> list[Object]:
    made = []
    for at, (name, namespace) in enumerate(draw(st.sets(st.tuples(NAMES, SPACES), max_size=5))):
        ips = draw(st.sampled_from([(f"10.96.0.{at}",), (f"fd00:96::{at}",), (f"fd00:96::{at}", f"10.96.0.{at}"), ()]))
        ports, published = draw(PORTS), draw(st.booleans())
        made.append(
            draw(
                st.sampled_from(
                    [
                        service(name, *ips, namespace=namespace, ports=ports),
                        headless(name, namespace=namespace, ports=ports, publishNotReadyAddresses=published),
                        headless(name, namespace=namespace, ports=ports),
                        external("db.example.com", name, namespace),
                        external("10.0.0.1", name, namespace),
                        service(name, namespace=namespace) | {"spec": None},
                    ]
                )
            )
        )
    return made


PODS = st.lists(st.builds(pod, st.sampled_from(["a", "b.c"]), V4, V6, namespace=SPACES), max_size=3)
WORLDS = st.builds(World, services(), st.lists(slices_of(V4) | slices_of(V6), max_size=6), PODS)


READINGS = st.fixed_dictionaries(
    {name: st.booleans() for name in ("own_port", "by_pod", "all_published", "first_name")}
)


@given(WORLDS, READINGS)
def test_an_honest_server_keeps_every_promise_however_it_reads_what_is_open(
    world: World, reading: dict[str, bool]
) -> None:
    server = Honest(world, **reading)
    for key, promise in world.promises().items():
        found = difference(promise.expected(), server.answer(key, promise))
        assert not found, f"{key}: {promise.expected()}: {found}"


@given(WORLDS, st.randoms(use_true_random=False))
def test_the_order_of_objects_endpoints_and_ports_does_not_matter(world: World, chance: random.Random) -> None:
    def shuffled(some: list[Object] | None) -> list[Object] | None:
        return some and chance.sample(some, len(some))

    def told(promises: Promises) -> dict[Key, str]:
        return {key: str(promise.expected()) for key, promise in promises.items()}

    services = [one | {"spec": one["spec"] and _with(one["spec"], "ports", shuffled)} for one in world.services]
    slices = [_with(_with(one, "ports", shuffled), "endpoints", shuffled) for one in world.slices]
    for some in (services, slices):
        chance.shuffle(some)
    assert told(World(services, slices, world.pods[::-1]).promises()) == told(world.promises())


def _with(item: Object, name: str, change: object) -> Object:
    return item | ({name: change(item[name])} if name in item else {})  # type: ignore[operator]


@given(WORLDS)
def test_what_must_be_there_must_not_be_missing_and_has_a_reason(world: World) -> None:
    for key, promise in world.promises().items():
        assert not promise.must.keys() & promise.must_not.keys()
        assert not promise.may.keys() & (promise.must.keys() | promise.must_not.keys())
        for value in [*promise.must, *promise.must_not, *promise.may]:
            assert promise.why(value).endswith(f"({promise.section})")
        assert all(choice.count > 0 and choice.values for choice, _ in promise.choices)
        assert key.name == key.name.lower()
        assert key.name.endswith(".")


@given(WORLDS, READINGS, st.data())
def test_any_one_change_of_an_honest_answer_is_told(
    world: World, reading: dict[str, bool], data: st.DataObject
) -> None:
    server, promises = Honest(world, **reading), world.promises()
    assume(promises)
    key = data.draw(st.sampled_from(sorted(promises)))
    promise = promises[key]
    honest = server.answer(key, promise)
    expected = promise.expected()
    rdata = [record.rdata for record in honest.records]
    asked = Question(key.name, "CNAME") if promise.is_alias else Question(*key)
    stranger = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "SRV": "0 0 1 nobody.test."}.get(asked.rdtype, "nobody.test.")

    def said(*values: str, rcode: str = "NOERROR") -> str:
        answer = seen(*values, question=asked, rcode=rcode)
        changed = Answer(Question(*key), answer.server, "udp", 0.0, 0.0, rcode, records=answer.records)
        return str(difference(expected, changed))

    for at, value in enumerate(rdata):
        named = value if asked.rdtype != "SRV" else " ".join(value.split()[2:])
        assert "repeated" in said(*rdata, value)
        without = rdata[:at] + rdata[at + 1 :]
        if named in promise.must:
            assert said(*without).startswith("missing ")
            assert named in said(*without)
            assert named in said(*without, stranger)
    if promise.closed or promise.is_alias:
        assert "not expected " in said(*rdata, stranger)
        assert stranger.removeprefix("0 0 ") in said(*rdata, stranger)
    if rdata and promise.must and not promise.is_alias:
        assert said(rcode="NXDOMAIN").startswith("NXDOMAIN instead of NOERROR")
    if expected.kind in ("no data", "no such name"):
        other = "NXDOMAIN" if expected.kind == "no data" else "NOERROR"
        assert said(rcode=other).startswith(f"{other} instead of")
