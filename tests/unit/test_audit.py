"""The audit, on objects in memory and a real DNS server on loopback that says what the test wants."""

from __future__ import annotations

import itertools
import queue
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from dns_server import DnsServer, Handler, Reply
from honest import ZONE, Honest, World
from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.audit.findings import Outcome
from kube_dns_conformance.audit.live import KINDS, Live
from kube_dns_conformance.audit.reach import pod_types, served_types
from kube_dns_conformance.audit.rounds import Auditor
from kube_dns_conformance.audit.selection import first_by_hash, select
from kube_dns_conformance.dns.model import Transport
from kube_dns_conformance.errors import ClusterError, ExitCode, ForbiddenError, UsageError
from kube_dns_conformance.kube import Object
from kube_dns_conformance.progress import Step
from kube_dns_conformance.promises import Key, reverse_name
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import ThisProcess
from objects import endpoint, endpoint_slice, external, headless, pod, service

PORTS = [("http", 80), ("", 9000)]
WEB, RAW, API, DB = (f"{name}.shop.svc.{ZONE}." for name in ("web", "raw", "api", "db"))
QUICK = Timings(answer=2.0, propagation=0.3, cache=0.2, hold=0.1, api=2.0, settle=20.0)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube_dns_conformance.audit.rounds.ROUND_PAUSE_SECONDS", 0.001)


class Api:
    """Objects in memory, listed and watched like an API server's."""

    def __init__(self, *objects: Object) -> None:
        self.lock = threading.Lock()
        self.objects = {kind: [one for one in objects if one["kind"] == kind] for kind in KINDS}
        self.events: dict[str, queue.Queue[tuple[str, Object]]] = {kind: queue.Queue() for kind in KINDS}
        self.refused: set[str] = set()
        self.follows = True

    def pages(self, api_version: str, kind: str) -> Iterator[tuple[list[Object], str]]:
        if kind in self.refused:
            raise ForbiddenError(f"the API server refused: {kind} is forbidden")
        with self.lock:
            some = list(self.objects[kind])
        half = len(some) // 2
        yield some[:half], "1"
        yield some[half:], "1"

    def watch(self, api_version: str, kind: str, **options: Any) -> Iterator[tuple[str, Object]]:
        while True:
            yield self.events[kind].get()

    def put(self, *items: Object) -> None:
        """Make them, or what takes their place."""
        self._change("MODIFIED", items)

    def delete(self, *items: Object) -> None:
        self._change("DELETED", items)

    def _change(self, change: str, items: tuple[Object, ...]) -> None:
        for item in items:
            kind, meta = item["kind"], item["metadata"]
            with self.lock:
                others = [one for one in self.objects[kind] if _name(one) != _name(item)]
                self.objects[kind] = others + ([item] if change != "DELETED" else [])
            if self.follows:
                self.events[kind].put((change, item | {"metadata": meta | {"resourceVersion": "2"}}))


def _name(one: Object) -> tuple[str, str]:
    return one["metadata"]["namespace"], one["metadata"]["name"]


def shop() -> list[Object]:
    """One of every kind."""
    return [
        service("api", "10.96.0.7", "fd00:96::7", ports=PORTS),
        headless("web", ports=PORTS),
        headless("raw", ports=PORTS),
        headless("none"),
        external("db.example.com"),
        endpoint_slice(
            endpoint("10.64.0.1", hostname="web-0"),
            endpoint("10.64.0.2", hostname="web-1"),
            endpoint("10.64.0.3", hostname="web-2", ready=False),
            name="w4",
            ports=PORTS,
        ),
        endpoint_slice(endpoint("fd00:64::1", hostname="web-0"), name="w6", ports=PORTS),
        endpoint_slice(endpoint("10.64.1.1"), endpoint("10.64.1.2"), of="raw", name="r4", ports=PORTS),
        pod("web-0", "10.64.0.1", "fd00:64::1"),
    ]


def world_of(objects: list[Object]) -> World:
    return World(*([one for one in objects if one["kind"] == kind] for kind in KINDS))


def audited(
    *handlers: Handler, api: Api, timings: Timings = QUICK, namespaces: tuple[str, ...] = (), sample: int = 0
) -> Outcome:
    """What an audit of these servers finds."""
    servers = [DnsServer(one, f"dns-{at}") for at, one in enumerate(handlers)]
    live = Live(api, timings.api, Step("reading"))  # type: ignore[arg-type]
    try:
        checks = Checks(ThisProcess(timings.answer), [one.__enter__() for one in servers])
        auditor = Auditor(live, checks, ZONE, timings, lambda found: None)
        promises = auditor.promises()
        keys = select(live, promises, ZONE, namespaces, sample).keys
        served = pod_types(checks, promises, keys)
        auditor.audit([key for key in keys if promises[key].section != "2.6" or key.rdtype in served])
    finally:
        live.close()
        for one in servers:
            one.__exit__(None)
    return auditor.outcome


def wrong(outcome: Outcome) -> set[str]:
    return {f"{one.key.name} {one.key.rdtype}" for one in outcome.findings}


@pytest.mark.parametrize(
    "reading", [{}, {"own_port": True}, {"by_pod": True}, {"first_name": True}, {"all_published": True}]
)
def test_an_honest_server_is_blamed_for_nothing(reading: dict[str, bool]) -> None:
    outcome = audited(Honest(world_of(shop()), **reading).handle(), api=Api(*shop()))
    assert (outcome.findings, outcome.unknown, outcome.again) == ([], {}, 0)
    assert outcome.exit_code() is ExitCode.CONFORMANT
    assert sum(outcome.asked.values()) == 29
    assert outcome.asked[("2.6", "A")] == outcome.asked[("2.6", "AAAA")] == 1


Lie = Callable[[dict[Key, list[str]]], object]
POINTER = reverse_name("10.64.0.1")
LIES: list[tuple[str, str, Lie]] = [
    (f"{API} A", "2.3.1", lambda of: of.update({Key(API, "A"): ["10.96.0.8"]})),
    (f"{API} AAAA", "2.3.1", lambda of: of[Key(API, "AAAA")].append("fd00::9")),
    (f"_http._tcp.{API} SRV", "2.3.2", lambda of: of.update({Key(f"_http._tcp.{API}", "SRV"): [f"0 0 81 {API}"]})),
    (f"{reverse_name('10.96.0.7')} PTR", "2.3.3", lambda of: of.pop(Key(reverse_name("10.96.0.7"), "PTR"))),
    (f"{WEB} A", "2.4.1", lambda of: of[Key(WEB, "A")].remove("10.64.0.2")),
    (f"{WEB} AAAA", "2.4.1", lambda of: of[Key(WEB, "AAAA")].append("fd00:64::1")),
    (f"web-1.{WEB} A", "2.4.1", lambda of: of[Key(f"web-1.{WEB}", "A")].append("10.64.0.1")),
    (f"web-1.{WEB} AAAA", "2.4.1", lambda of: of.update({Key(f"web-1.{WEB}", "AAAA"): ["fd00:64::1"]})),
    (f"_http._tcp.{WEB} SRV", "2.4.2", lambda of: of[Key(f"_http._tcp.{WEB}", "SRV")].pop()),
    (f"{POINTER} PTR", "2.4.3", lambda of: of.update({Key(POINTER, "PTR"): [f"web-1.{WEB}"]})),
    (f"{DB} CNAME", "2.5", lambda of: of.update({Key(DB, "CNAME"): ["evil.example.com."]})),
]


@pytest.mark.parametrize(("where", "section", "lie"), LIES, ids=[where for where, _, _ in LIES])
def test_a_corrupted_record_is_found_and_nothing_else(where: str, section: str, lie: Lie) -> None:
    server = Honest(world_of(shop()))
    lie(server.records)
    outcome = audited(server.handle(), api=Api(*shop()))
    also = {f"{DB} A", f"{DB} AAAA"} if section == "2.5" else set()
    assert wrong(outcome) == {where} | also
    assert {one.section for one in outcome.findings} == {section}
    assert outcome.exit_code() is ExitCode.NONCONFORMANT


def test_a_lie_about_a_pod_is_found() -> None:
    objects = [*shop(), *(pod(f"p{at}", f"10.64.7.{at}") for at in range(5))]
    server = Honest(world_of(objects))
    server.records[Key(f"10-64-7-4.shop.pod.{ZONE}.", "A")] = ["10.64.7.5"]
    assert wrong(audited(server.handle(), api=Api(*objects))) == {f"10-64-7-4.shop.pod.{ZONE}. A"}


def test_records_of_pods_are_not_asked_where_the_server_has_none() -> None:
    server = Honest(world_of(shop()))
    server.records = {key: some for key, some in server.records.items() if ".pod." not in key.name}
    outcome = audited(server.handle(), api=Api(*shop()))
    assert (outcome.findings, sum(outcome.asked.values())) == ([], 27)


def test_what_does_not_exist_is_denied() -> None:
    server = Honest(world_of(shop()))
    server.records[Key(f"web-2.{WEB}", "A")] = ["10.64.0.3"]
    outcome = audited(server.handle(), api=Api(*shop()))
    assert wrong(outcome) == {f"web-2.{WEB} A", f"web-2.{WEB} AAAA"}
    assert (
        "NONCONFORMANT headless.address (2.4.1, MUST): web-2.web.shop A is answered with NOERROR instead of NXDOMAIN, "
        "must not have 10.64.0.3 (not ready endpoint 10.64.0.3 of EndpointSlice shop/w4)"
    ) in [one.message for one in outcome.findings]


def test_the_text_of_a_finding() -> None:
    server = Honest(world_of(shop()))
    server.records[Key(WEB, "A")] = ["10.64.0.1"]
    (found,) = audited(server.handle(), Honest(world_of(shop())).handle(), api=Api(*shop())).findings
    first, asked, when, expected, got, because, repeat = found.text.splitlines()
    assert first == (
        "NONCONFORMANT headless.address (2.4.1, MUST): web.shop A "
        "lacks 10.64.0.2 (ready endpoint 10.64.0.2 of EndpointSlice shop/w4)"
    )
    assert asked.startswith(f"  asked     {WEB} A → 127.0.0.1:")
    assert asked.endswith("/udp (dns-0) from this process")
    assert expected == "  expected  10.64.0.1 10.64.0.2"
    assert re.match(r"  when      \S+ UTC to \S+ UTC, in each of \d+ rounds, the last \d+ s after the objects", when)
    assert got == "  got       NOERROR 10.64.0.1   (so at dns-0)"
    assert because == (
        "  because   ready endpoint 10.64.0.1 of EndpointSlice shop/w4, "
        "ready endpoint 10.64.0.2 of EndpointSlice shop/w4, not ready endpoint 10.64.0.3 of EndpointSlice shop/w4"
    )
    assert repeat.startswith("  repeat    dig @127.0.0.1 -p ")
    assert found.answers[0]["answer"] == ["5 A 10.64.0.1"]


# Labels of the server's choice

LABEL = f"10-64-1-2.{RAW}"
RAW_SRV, RAW_PTR = f"_http._tcp.{RAW}", reverse_name("10.64.1.2")
LEADS: list[tuple[Lie, set[str]]] = [
    # The name in the records does not exist.
    (lambda of: of.pop(Key(LABEL, "A")), {f"{RAW_SRV} SRV", f"{RAW_PTR} PTR"}),
    # It leads to nobody's address.
    (lambda of: of.update({Key(LABEL, "A"): ["192.0.2.1"]}), {f"{RAW_SRV} SRV", f"{RAW_PTR} PTR"}),
    # Both names lead to one endpoint, and the other is not reached.
    (lambda of: of.update({Key(LABEL, "A"): ["10.64.1.1"]}), {f"{RAW_SRV} SRV", f"{RAW_PTR} PTR"}),
    # The way back leads to another endpoint.
    (lambda of: of.update({Key(RAW_PTR, "PTR"): [f"10-64-1-1.{RAW}"]}), {f"{RAW_PTR} PTR"}),
    # One endpoint has no record.
    (lambda of: of[Key(RAW_SRV, "SRV")].pop(), {f"{RAW_SRV} SRV"}),
]


@pytest.mark.parametrize(("lie", "where"), LEADS)
def test_the_names_in_records_lead_to_the_endpoints(lie: Lie, where: set[str]) -> None:
    server = Honest(world_of(shop()))
    lie(server.records)
    assert wrong(audited(server.handle(), api=Api(*shop()))) == where


def test_an_endpoint_that_is_not_reached_is_named() -> None:
    server = Honest(world_of(shop()))
    server.records[Key(LABEL, "A")] = ["10.64.1.1"]
    texts = [one.message for one in audited(server.handle(), api=Api(*shop())).findings]
    assert "NONCONFORMANT headless.srv (2.4.2, MUST): _http._tcp.raw.shop SRV lacks 10.64.1.2" in texts


# Through time

AFTER_SOME = 5
"""Queries, so that the audit has begun."""


def test_what_changed_meanwhile_is_not_blamed() -> None:
    before, api = shop(), Api(*shop())
    after = [one for one in before if one["metadata"]["name"] != "w4"]
    after += [endpoint_slice(endpoint("10.64.0.9", hostname="web-9"), name="w4", ports=PORTS)]
    server = Honest(world_of(after))
    behind = endpoint_slice(endpoint("10.64.0.9", hostname="web-9"), name="w4", ports=PORTS)
    honest = server.handle()
    count = itertools.count()

    def handle(query: bytes, transport: Any) -> Any:
        if next(count) == AFTER_SOME:
            api.put(behind)
        return honest(query, transport)

    outcome = audited(handle, api=api)
    assert outcome.findings == []
    assert outcome.again > 0


def test_a_service_that_is_deleted_meanwhile_is_gone() -> None:
    api = Api(*shop())
    server = Honest(world_of([one for one in shop() if one["metadata"]["name"] != "api"]))
    honest = server.handle()
    count = itertools.count()

    def handle(query: bytes, transport: Any) -> Any:
        if next(count) == AFTER_SOME:
            api.delete(shop()[0])
        return honest(query, transport)

    outcome = audited(handle, api=api)
    assert (outcome.findings, outcome.exit_code()) == ([], ExitCode.CONFORMANT)
    assert outcome.gone > 0


def test_dns_may_take_its_time() -> None:
    late = Honest(world_of(shop()))
    whole = late.records.pop(Key(WEB, "A"))
    asked: list[bytes] = []
    honest = late.handle()

    def handle(query: bytes, transport: Any) -> Any:
        asked.append(query)
        if len(asked) == 40:
            late.records[Key(WEB, "A")] = whole
        return honest(query, transport)

    outcome = audited(handle, api=Api(*shop()), timings=Timings(propagation=5.0, hold=0.1))
    assert (outcome.findings, outcome.again > 0) == ([], True)


def test_objects_that_do_not_stop_changing_are_nobodys_fault() -> None:
    api, server = Api(*shop()), Honest(world_of(shop()))
    server.records[Key(API, "A")] = ["10.96.0.99"]
    honest, count = server.handle(), itertools.count()

    def handle(query: bytes, transport: Any) -> Any:
        api.put(service("api", f"10.96.1.{next(count) % 250}", "fd00:96::7", ports=PORTS))
        return honest(query, transport)

    limits = Timings(answer=2.0, propagation=0.3, cache=0.2, hold=0.1, settle=0.5)
    outcome = audited(handle, api=api, timings=limits)
    assert outcome.findings == []
    assert Key(API, "A") in outcome.unknown
    assert outcome.exit_code() is ExitCode.COULD_NOT_JUDGE


def test_a_watch_that_stays_behind_blames_nobody() -> None:
    api, server = Api(*shop()), Honest(world_of(shop()))
    server.records[Key(API, "A")] = ["10.96.0.8"]
    api_server_has = service("api", "10.96.0.8", "fd00:96::7", ports=PORTS)
    honest, count = server.handle(), itertools.count()

    def handle(query: bytes, transport: Any) -> Any:
        if next(count) == AFTER_SOME:
            api.follows = False
            api.put(api_server_has)
        return honest(query, transport)

    with pytest.raises(ClusterError, match="the watch of Service objects stays behind the API server"):
        audited(handle, api=api, timings=Timings(propagation=0.3, cache=0.2, api=0.5))


def test_a_server_that_goes_away_is_no_liar() -> None:
    with pytest.raises(ClusterError, match=r"dns-0 at 127\.0\.0\.1:\d+ cannot be asked any more: no answer within"):
        audited(lambda query, transport: None, api=Api(*shop()), timings=Timings(answer=0.1))


def test_a_server_that_is_silent_about_many_names_has_not_gone() -> None:
    objects = [service(f"s{at}", f"10.96.1.{at}") for at in range(30)]
    honest = Honest(world_of(objects)).handle()

    def say(query: bytes, transport: Transport) -> Reply:
        # As CoreDNS, where nobody answers what it has to ask others for.
        return None if b"in-addr" in query else honest(query, transport)

    outcome = audited(say, api=Api(*objects), timings=replace(QUICK, answer=0.3))
    assert wrong(outcome) == {f"{at}.1.96.10.in-addr.arpa. PTR" for at in range(30)}
    assert all("no answer within 0.3 s" in one.text for one in outcome.findings)


def test_a_server_that_loses_something_where_much_is_asked_has_not_gone() -> None:
    objects = [service(f"s{at}", f"10.96.1.{at}") for at in range(30)]
    honest = Honest(world_of(objects)).handle()
    silent: set[bytes] = set()
    lost: list[bytes] = []

    def say(query: bytes, transport: Transport) -> Reply:
        if b"in-addr" in query:
            silent.add(query[12:])
            return None
        if len(silent) == 30 and len(lost) < 2:  # both times that it is asked
            lost.append(query)
            return None
        return honest(query, transport)

    outcome = audited(say, api=Api(*objects), timings=replace(QUICK, answer=0.3))
    assert len(lost) == 2
    assert len(wrong(outcome)) == 30


# What is audited


def test_namespaces_and_samples() -> None:
    objects = [*shop(), *(service(f"s{at}", f"10.96.1.{at}", namespace="other") for at in range(20))]
    server = Honest(world_of(objects)).handle()
    assert sum(audited(server, api=Api(*objects), namespaces=("other",)).asked.values()) == 20 * 3
    few = audited(server, api=Api(*objects), namespaces=("other",), sample=5)
    again = audited(server, api=Api(*objects[::-1]), namespaces=("other",), sample=5)
    assert few.asked == again.asked
    assert sum(few.asked.values()) == 15


def test_a_sample_is_the_same_one_each_time() -> None:
    services = [service(f"s{at}") for at in range(6)]
    names = [one["metadata"]["name"] for one in first_by_hash(services, 3)]
    assert names == [one["metadata"]["name"] for one in first_by_hash(services[::-1], 3)] == ["s3", "s2", "s0"]


def test_an_address_of_two_namespaces_is_right_with_either_name_whatever_is_selected() -> None:
    objects = [
        headless("a", namespace="one"),
        headless("b", namespace="two"),
        endpoint_slice(endpoint("10.0.0.1", hostname="x"), of="a", name="a", namespace="one"),
        endpoint_slice(endpoint("10.0.0.1", hostname="y"), of="b", name="b", namespace="two"),
    ]
    server = Honest(world_of(objects), first_name=True)
    for namespace in ("one", "two"):
        assert wrong(audited(server.handle(), api=Api(*objects), namespaces=(namespace,))) == set()


def test_a_namespace_without_services_is_an_error() -> None:
    with pytest.raises(UsageError, match="there is no Service in namespace nowhere"):
        audited(Honest(world_of(shop())).handle(), api=Api(*shop()), namespaces=("nowhere",))


def test_who_may_not_list_pods_audits_services() -> None:
    api = Api(*shop())
    api.refused.add("Pod")
    outcome = audited(Honest(world_of(shop())).handle(), api=api)
    assert (outcome.findings, sum(outcome.asked.values())) == ([], 27)


def test_what_dns_cannot_hold_is_not_asked() -> None:
    many = [
        endpoint_slice(*(endpoint(f"10.{at}.{two}.{one}") for two in range(10) for one in range(100)), name=f"s{at}")
        for at in range(5)
    ]
    api = Api(headless(), *many)
    live = Live(api, 2.0, Step("reading"))  # type: ignore[arg-type]
    auditor = Auditor(live, Checks(ThisProcess(1.0), []), ZONE, QUICK, lambda found: None)
    selected = select(live, auditor.promises(), ZONE, (), 0)
    live.close()
    assert dict(selected.skipped) == {"the answer is larger than DNS allows": 1}
    assert len(selected.keys) == 5000 + 1


def test_whether_pods_have_records_can_be_found_before_anything_is_read() -> None:
    objects = [service("api", "10.96.0.7"), *(pod(f"p{at}", f"10.64.7.{at}") for at in range(8))]
    known, unknown = Honest(world_of(objects)), Honest(world_of(objects))
    for key in [key for key in unknown.records if ".pod." in key.name]:
        del unknown.records[key]
    api: Any = Api(*objects)
    for server, namespaces, expected in (
        (known, (), {"A"}),
        (known, ("shop",), {"A"}),
        (known, ("other",), set()),
        (unknown, (), set()),
    ):
        with DnsServer(server.handle(), "dns") as dns:
            checks = Checks(ThisProcess(2.0), [dns])
            assert served_types(api, checks, ZONE, namespaces, ["A"]) == expected


def test_no_more_pods_are_read_than_it_takes_to_find_that(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = [pod(f"p{at}", f"10.64.7.{at}") for at in range(8)]
    api, read = Api(*objects), list[int]()

    def pages(api_version: str, kind: str) -> Iterator[tuple[list[Object], str]]:
        for items, version in Api.pages(api, api_version, kind):
            read.append(len(items))
            yield items, version

    monkeypatch.setattr(api, "pages", pages)
    with DnsServer(Honest(world_of(objects)).handle(), "dns") as dns:
        served_types(api, Checks(ThisProcess(2.0), [dns]), ZONE, (), ["A"])  # type: ignore[arg-type]
        assert read == [4]
        served_types(api, Checks(ThisProcess(2.0), [dns]), ZONE, (), ["A", "AAAA"])  # type: ignore[arg-type]
        assert read == [4, 4, 4]
