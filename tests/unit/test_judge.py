"""The judge: when it gives a verdict, and every word of what it says."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from dns_server import DnsServer, Handler, records, reply
from kube_dns_conformance.dns.compare import (
    Choice,
    Expected,
    alias,
    at_least,
    exactly,
    no_data,
    no_such_name,
    that,
)
from kube_dns_conformance.dns.model import Question, Server, Transport
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.judge import Judge, Nonconformant
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import ThisProcess

NAME = "web.shop.svc.cluster.local."
WEB = Question(NAME, "A")
TWO = {WEB: exactly(["10.0.0.1", "10.0.0.2"])}
LONG_AGO = 0.0
HEAD = "NONCONFORMANT headless.address.ipv4 (2.4.1, MUST): "
WHEN = "  when      T to T, in each of 3 rounds, the last A s after the objects settled"
REPEAT = f"  repeat    dig @127.0.0.1 -p PORT {NAME} A"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube_dns_conformance.judge.ROUND_PAUSE_SECONDS", 0.001)


def judge_of(*servers: Server, **limits: float) -> Judge:
    timings = Timings(**({"answer": 20.0, "propagation": 0.05, "cache": 0.1} | limits))  # type: ignore[arg-type]
    return judge_that_confirms(lambda _: False, *servers, timings=timings)


def judge_that_confirms(confirm: Callable[[float], bool], *servers: Server, timings: Timings) -> Judge:
    requirement = catalogue()["headless.address.ipv4"]
    return Judge(requirement, ThisProcess(timings.answer), servers, timings, "cluster.local", confirm)


def web(*addresses: str, ttl: int = 5) -> Handler:
    return records({f"{NAME} A": addresses}, ttl)


def failure(
    *handlers: Handler,
    expected: dict[Question, Expected] = TWO,
    transports: tuple[Transport, ...] = ("udp",),
    **limits: float,
) -> list[str]:
    """What the judge says about servers that say this long after the change; ports and times replaced."""
    with ExitStack() as stack:
        servers = [stack.enter_context(DnsServer(one, f"dns-{at}")) for at, one in enumerate(handlers)]
        with pytest.raises(Nonconformant) as caught:
            judge_of(*servers, **limits).insist(lambda: expected, settled_at=LONG_AGO, transports=transports)
    text = re.sub(r"(127\.0\.0\.1:| -p )\d+", r"\1PORT", str(caught.value))
    text = re.sub(r"\d\d:\d\d:\d\d\.\d UTC", "T", text)
    return re.sub(r"the last \d+ s", "the last A s", text).splitlines()


def test_a_missing_record() -> None:
    assert failure(web("10.0.0.2")) == [
        f"{HEAD}web.shop answers 1 of 2 expected A records",
        f"  asked     {NAME} A → 127.0.0.1:PORT/udp (dns-0) from this process",
        WHEN,
        "  expected  10.0.0.1 10.0.0.2",
        "  got       NOERROR 10.0.0.2         missing 10.0.0.1   (1 server)",
        REPEAT,
    ]


def test_from_when_to_when_it_was_wrong_is_evidence() -> None:
    began = time.time()
    with DnsServer(web("10.0.0.2")) as server:
        one = judge_of(server)
        with pytest.raises(Nonconformant):
            one.insist(lambda: TWO, settled_at=LONG_AGO, transports=("udp",))
    first, last = one.evidence.as_data()["wrong"]
    assert began - 0.001 <= first < last <= time.time() + 0.001


def test_a_record_too_many() -> None:
    assert failure(web("10.0.0.1", "10.0.0.2", "10.0.0.3")) == [
        f"{HEAD}web.shop answers what must not be there: 10.0.0.3",
        f"  asked     {NAME} A → 127.0.0.1:PORT/udp (dns-0) from this process",
        WHEN,
        "  expected  10.0.0.1 10.0.0.2",
        "  got       NOERROR 10.0.0.1 10.0.0.2 10.0.0.3         not expected 10.0.0.3   (1 server)",
        REPEAT,
    ]


def test_one_record_in_place_of_another() -> None:
    first, *_, got, _ = failure(web("10.0.0.1", "10.0.0.9"))
    assert first == f"{HEAD}web.shop answers 1 of 2 expected A records and 10.0.0.9, which must not be there"
    assert got == ("  got       NOERROR 10.0.0.1 10.0.0.9         missing 10.0.0.2; not expected 10.0.0.9   (1 server)")


def test_a_repeated_record() -> None:
    assert failure(web("10.0.0.1", "10.0.0.2", "10.0.0.2")) == [
        f"{HEAD}web.shop answers the same record more than once: 10.0.0.2",
        f"  asked     {NAME} A → 127.0.0.1:PORT/udp (dns-0) from this process",
        WHEN,
        "  expected  10.0.0.1 10.0.0.2",
        "  got       NOERROR 10.0.0.1 10.0.0.2 10.0.0.2         repeated 10.0.0.2   (1 server)",
        REPEAT,
    ]


def test_a_denial_of_what_exists() -> None:
    assert failure(records({})) == [
        f"{HEAD}web.shop is answered with NXDOMAIN instead of NOERROR",
        f"  asked     {NAME} A → 127.0.0.1:PORT/udp (dns-0) from this process",
        WHEN,
        "  expected  10.0.0.1 10.0.0.2",
        "  got       NXDOMAIN         NXDOMAIN instead of NOERROR; missing 10.0.0.1 10.0.0.2   (1 server)",
        REPEAT,
    ]


def test_an_answer_for_what_does_not_exist() -> None:
    first, _, _, expected, got, _ = failure(web("10.0.0.1"), expected={WEB: no_such_name()})
    assert first == f"{HEAD}web.shop is answered with NOERROR instead of NXDOMAIN"
    assert expected == "  expected  NXDOMAIN"
    assert got.startswith("  got       NOERROR 10.0.0.1         NOERROR instead of NXDOMAIN; not expected 10.0.0.1   (")


def test_no_record_of_the_type_asked_for() -> None:
    first, _, _, expected, *_ = failure(web("10.0.0.1"), expected={WEB: no_data()})
    assert first == f"{HEAD}web.shop answers what must not be there: 10.0.0.1"
    assert expected == "  expected  NOERROR without records"


def test_an_expectation_of_at_least() -> None:
    first, _, _, expected, *_ = failure(web("10.0.0.3"), expected={WEB: at_least(["10.0.0.1"])})
    assert first == f"{HEAD}web.shop answers 0 of 1 expected A records"
    assert expected == "  expected  at least 10.0.0.1"


def test_silence() -> None:
    assert failure(lambda query, transport: None, answer=0.05) == [
        f"{HEAD}dns-0 gives no usable answer for web.shop (no answer within 0.05 s)",
        f"  asked     {NAME} A → 127.0.0.1:PORT/udp (dns-0) from this process",
        WHEN,
        "  expected  10.0.0.1 10.0.0.2",
        "  got       no answer within 0.05 s   (1 server)",
        REPEAT,
    ]


def test_an_answer_that_is_truncated_over_tcp_as_well() -> None:
    assert failure(lambda query, transport: reply(query, truncated=True)) == [
        f"{HEAD}web.shop is answered with a truncated message, even over TCP",
        f"  asked     {NAME} A → 127.0.0.1:PORT/tcp (dns-0) from this process",
        WHEN,
        "  expected  10.0.0.1 10.0.0.2",
        "  got       NOERROR (truncated)         truncated   (1 server)",
        f"{REPEAT} +tcp",
    ]


def test_a_wrong_answer_over_one_transport_only_names_that_one() -> None:
    def lies_over_tcp(query: bytes, transport: Transport) -> bytes:
        return reply(query, "10.0.0.1", *(["10.0.0.2"] if transport == "udp" else []))

    lines = failure(lies_over_tcp, transports=("udp", "tcp"))
    assert lines[1] == f"  asked     {NAME} A → 127.0.0.1:PORT/tcp (dns-0) from this process"
    assert lines[5] == f"{REPEAT} +tcp"


def test_further_wrong_names_are_listed_up_to_five() -> None:
    names = [Question(f"web-{one}.web.shop.svc.cluster.local.", "A") for one in range(7)]
    lines = failure(records({}), expected={one: exactly(["10.0.0.1"]) for one in names})
    assert lines[0] == f"{HEAD}web-0.web.shop is answered with NXDOMAIN instead of NOERROR"
    assert lines[6:] == [
        "  also      web-1.web.shop A, web-2.web.shop A, web-3.web.shop A, web-4.web.shop A, web-5.web.shop A …"
    ]


def test_of_two_servers_the_one_that_is_right_is_named() -> None:
    lines = failure(web("10.0.0.1", "10.0.0.2"), web("10.0.0.1"))
    assert lines[1] == f"  asked     {NAME} A → 127.0.0.1:PORT/udp (dns-1) from this process"
    assert lines[4].endswith("   (dns-0 right)")


def test_two_servers_that_are_wrong_in_the_same_way_are_alike() -> None:
    lines = failure(web("10.0.0.1"), web("10.0.0.1"))
    assert lines[1].endswith("(dns-0) from this process")
    assert lines[4].endswith("   (2 servers alike)")


def test_two_servers_that_are_wrong_in_different_ways_are_not_alike() -> None:
    lines = failure(web("10.0.0.1"), web("10.0.0.2"))
    assert lines[4].endswith("   (2 servers differently)")


def test_an_honest_server_is_asked_as_many_rounds_as_have_to_be_right() -> None:
    asked: list[Transport] = []

    def count(query: bytes, transport: Transport) -> bytes:
        asked.append(transport)
        return reply(query, "10.0.0.2", "10.0.0.1")

    with DnsServer(count) as server:
        judge_of(server, stable=4).insist(lambda: TWO, settled_at=LONG_AGO)
    assert sorted(asked) == ["tcp"] * 4 + ["udp"] * 4


def test_truncation_is_no_lie_when_the_rest_comes_over_tcp() -> None:
    fifty = [f"10.0.0.{one}" for one in range(50)]
    without_edns = Question(NAME, "A", None)
    with DnsServer(web(*fifty)) as server:
        judge = judge_of(server)
        judge.insist(lambda: {without_edns: exactly(fifty)}, settled_at=LONG_AGO, transports=("udp",))
    checks = [(check["transport"], len(check["answer"])) for check in judge.evidence.checks]
    assert checks == [("udp, truncated, then tcp", 50)]


def after(rounds: int, first: list[str], then: list[str], ttl: int = 0) -> Handler:
    """Says one thing for the first rounds and another from then on."""
    asked = itertools.count()
    return lambda query, transport: reply(query, *(first if next(asked) < rounds else then), ttl=ttl)


@pytest.mark.parametrize(
    ("propagation", "ttl", "cache"),
    [(3600.0, 0, 60.0), (0.05, 3600, 7200.0), (1800.0, 1800, 7200.0)],
)
def test_a_late_server_is_granted_the_propagation_budget_and_the_ttl_it_announced(
    propagation: float, ttl: int, cache: float
) -> None:
    late = after(5, ["10.0.0.1"], ["10.0.0.1", "10.0.0.2"], ttl)
    with DnsServer(late) as server:
        judge = judge_of(server, propagation=propagation, cache=cache)
        judge.insist(lambda: TWO, settled_at=time.time() - 1, transports=("udp",))
    assert [check["differs"] for check in judge.evidence.checks] == [""]


def test_a_denial_is_granted_the_time_that_its_soa_record_announced() -> None:
    asked = itertools.count()

    def late(query: bytes, transport: Transport) -> bytes:
        gone = next(asked) < 5
        return reply(query, rcode="NXDOMAIN", ttl=5, soa=True) if gone else reply(query, "10.0.0.1", "10.0.0.2")

    with DnsServer(late) as server:
        judge_of(server, cache=60.0).insist(lambda: TWO, settled_at=time.time() - 1, transports=("udp",))


def test_a_huge_ttl_buys_no_more_time_than_the_limit() -> None:
    with DnsServer(after(5, ["10.0.0.1"], ["10.0.0.1", "10.0.0.2"], ttl=86400)) as server:
        judge = judge_of(server, cache=10.0)
        with pytest.raises(Nonconformant):
            judge.insist(lambda: TWO, settled_at=time.time() - 60, transports=("udp",))


def test_wrong_twice_is_not_yet_a_verdict_when_three_rounds_have_to_be_alike() -> None:
    with DnsServer(after(2, [], ["10.0.0.1", "10.0.0.2"])) as server:
        judge_of(server, stable=3).insist(lambda: TWO, settled_at=LONG_AGO, transports=("udp",))


def test_a_server_that_is_right_in_every_other_round_is_caught() -> None:
    asked = itertools.count()

    def flap(query: bytes, transport: Transport) -> bytes:
        return reply(query, "10.0.0.1", *(["10.0.0.2"] if next(asked) % 2 else []))

    lines = failure(flap)
    assert lines[0] == f"{HEAD}web.shop answers 1 of 2 expected A records"
    assert lines[2] == WHEN.replace("each of 3", "3 of 5")


def test_a_lucky_streak_does_not_save_a_server_that_was_wrong_before() -> None:
    """Right four times in five: enough for three right rounds in a row, not for right answers that last."""
    asked = itertools.count()

    def flap(query: bytes, transport: Transport) -> bytes:
        return reply(query, "10.0.0.1", *(["10.0.0.2"] if next(asked) % 5 else []))

    assert failure(flap, hold=30.0)[0] == f"{HEAD}web.shop answers 1 of 2 expected A records"


def test_a_cache_that_counts_its_ttl_down_is_granted_what_it_announced_first() -> None:
    """Wrong for three rounds with TTLs 60, 1 and 0, then right: within the 60 s that were announced, capped at 5."""
    ttls = iter([60, 1, 0])

    def cached(query: bytes, transport: Transport) -> bytes:
        ttl = next(ttls, None)
        return reply(query, "10.0.0.1", *([] if ttl is not None else ["10.0.0.2"]), ttl=ttl or 0)

    with DnsServer(cached) as server:
        judge = judge_of(server, stable=1, cache=5.0, hold=0.01)
        judge.insist(lambda: TWO, settled_at=time.time() - 1, transports=("udp",))


def test_one_lost_datagram_is_nobodys_fault() -> None:
    asked = itertools.count()

    def lossy(query: bytes, transport: Transport) -> bytes | None:
        return reply(query, "10.0.0.1", "10.0.0.2") if next(asked) else None

    with DnsServer(lossy) as server:
        (answer,) = ThisProcess(0.2).ask([(WEB, server, "udp")])
    assert answer.said() == "NOERROR 10.0.0.1 10.0.0.2"


def test_an_expectation_that_changes_between_rounds_is_not_blamed_on_dns() -> None:
    """The objects change while it is judged; DNS follows five rounds later, long after the first change."""
    calls = itertools.count()
    with DnsServer(after(6, ["10.0.0.1"], ["10.0.0.2"])) as server:
        judge = judge_of(server, propagation=60.0)
        judge.insist(
            lambda: {WEB: exactly(["10.0.0.1" if next(calls) < 1 else "10.0.0.2"])},
            settled_at=LONG_AGO,
            transports=("udp",),
        )
    assert [check["answer"] for check in judge.evidence.checks] == [["0 A 10.0.0.2"]]


def test_what_has_not_followed_a_change_is_blamed_when_its_time_is_up() -> None:
    calls = itertools.count()
    with DnsServer(web("10.0.0.1", ttl=0)) as server, pytest.raises(Nonconformant):
        judge_of(server).insist(
            lambda: {WEB: exactly(["10.0.0.1" if next(calls) < 1 else "10.0.0.2"])}, settled_at=LONG_AGO
        )


def test_objects_that_never_stop_changing_are_nobodys_fault() -> None:
    calls = itertools.count(1)
    with DnsServer(web("10.0.0.1")) as server, pytest.raises(ClusterError, match=r"kept changing for 0\.1 s"):
        judge_of(server, settle=0.1).insist(lambda: {WEB: exactly([f"10.1.{next(calls) % 2}.1"])}, settled_at=LONG_AGO)


@pytest.mark.parametrize("handler", [web("10.0.0.1", "10.0.0.2"), web("10.0.0.1")], ids=["right", "wrong"])
def test_no_verdict_is_given_that_the_api_server_does_not_confirm(handler: Handler) -> None:
    def gone(_: float) -> bool:
        raise ClusterError("the API server is gone")

    timings = Timings(answer=20.0, propagation=0.05, cache=0.1)
    with DnsServer(handler) as server, pytest.raises(ClusterError, match="is gone"):
        judge_that_confirms(gone, server, timings=timings).insist(lambda: TWO, settled_at=LONG_AGO)


def test_what_is_right_was_confirmed_while_dns_still_had_time_and_what_is_wrong_is_confirmed_now() -> None:
    ages: list[float] = []
    timings = Timings(answer=20.0, propagation=0.05, cache=0.1)

    def confirm(age: float) -> bool:
        ages.append(age)
        return False

    with DnsServer(web("10.0.0.1", "10.0.0.2")) as server:
        judge_that_confirms(confirm, server, timings=timings).insist(lambda: TWO, settled_at=LONG_AGO)
    with DnsServer(web("10.0.0.1")) as server, pytest.raises(Nonconformant):
        judge_that_confirms(confirm, server, timings=timings).insist(lambda: TWO, settled_at=LONG_AGO)
    assert ages == [0.05, 0.0]


def test_what_only_the_api_server_knew_yet_is_not_blamed_on_dns() -> None:
    """The copy of the objects is behind until it is confirmed; DNS is ahead of it and right."""
    truth = ["10.0.0.1"]
    timings = Timings(answer=20.0, propagation=0.05, cache=0.1)
    with DnsServer(web("10.0.0.2")) as server:
        judge = judge_that_confirms(lambda _: bool(truth.__setitem__(0, "10.0.0.2")), server, timings=timings)
        judge.insist(lambda: {WEB: exactly(truth)}, settled_at=LONG_AGO, transports=("udp",))
    assert [check["differs"] for check in judge.evidence.checks] == [""]


def test_what_the_controllers_had_not_published_yet_is_not_blamed_on_dns() -> None:
    """DNS is wrong until the EndpointSlices have followed, for which the confirmation waits; then it has its time."""
    table = {f"{NAME} A": ["10.0.0.9"]}
    timings = Timings(answer=20.0, propagation=0.05, cache=0.1, hold=0.01)

    def publish(_: float) -> bool:
        late = table[f"{NAME} A"] == ["10.0.0.9"]
        table[f"{NAME} A"] = ["10.0.0.1", "10.0.0.2"]
        return late

    with DnsServer(records(table, ttl=0)) as server:
        judge_that_confirms(publish, server, timings=timings).insist(lambda: TWO, settled_at=LONG_AGO)


def test_nothing_to_ask_is_not_conformant() -> None:
    with pytest.raises(ValueError, match="nothing to ask"):
        judge_of(Server("dns-0", "127.0.0.1")).insist(dict, settled_at=LONG_AGO)
    with pytest.raises(ValueError, match="nothing to ask"):
        judge_of().insist(lambda: TWO, settled_at=LONG_AGO)


def test_the_evidence_has_everything_that_was_insisted_on() -> None:
    with DnsServer(web("10.0.0.1"), "dns-0") as server:
        judge = judge_of(server)
        for must in (at_least(["10.0.0.1"]), exactly(["10.0.0.1"])):
            judge.insist(lambda must=must: {WEB: must}, settled_at=LONG_AGO, transports=("udp",))  # type: ignore[misc]
    assert [one["expected"] for one in judge.evidence.checks] == ["at least 10.0.0.1", "10.0.0.1"]


def test_the_evidence_is_the_last_round_the_good_answers_as_well() -> None:
    with DnsServer(web("10.0.0.1", "10.0.0.2"), "dns-0") as good, DnsServer(records({}), "dns-1") as bad:
        judge = judge_of(good, bad)
        with pytest.raises(Nonconformant):
            judge.insist(lambda: TWO, settled_at=LONG_AGO, transports=("udp",))
    assert [(one["server"], one["expected"], one["differs"]) for one in judge.evidence.checks] == [
        ("dns-0", "10.0.0.1 10.0.0.2", ""),
        ("dns-1", "10.0.0.1 10.0.0.2", "NXDOMAIN instead of NOERROR; missing 10.0.0.1 10.0.0.2"),
    ]


def test_a_verdict_of_our_own_has_the_same_head() -> None:
    with pytest.raises(Nonconformant) as caught:
        judge_of().condemn("web.shop blinked", "asked     often", "got       silence")
    assert str(caught.value).splitlines() == [
        f"{HEAD}web.shop blinked",
        "  asked     often",
        "  got       silence",
    ]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (NAME, "web.shop"),
        ("_http._tcp.web.shop.svc.cluster.local.", "_http._tcp.web.shop"),
        ("web.shop.svc.other.local.", "web.shop.svc.other.local."),
        ("10.0.0.10.in-addr.arpa.", "10.0.0.10.in-addr.arpa."),
    ],
)
def test_names_are_said_as_people_say_them(name: str, short: str) -> None:
    assert judge_of().short(name) == short


SRV = Question(f"_http._tcp.{NAME}", "SRV")


def test_what_is_left_to_the_server_is_said_in_full() -> None:
    must = at_least([f"80 a.{NAME}"], [Choice(frozenset({f"80 *.{NAME}"}), 2)])
    first, _, _, expected, *_ = failure(
        records({f"{SRV.name} SRV": [f"0 1 80 a.{NAME}", f"0 1 80 b.{NAME}"]}), expected={SRV: must}
    )
    assert first == f"{HEAD}_http._tcp.web.shop SRV lacks 1 of 2 × 80 *.{NAME}"
    assert expected == f"  expected  at least 80 a.{NAME}, 2 × 80 *.{NAME}"


def test_a_missing_alias() -> None:
    first, _, _, expected, *_ = failure(web("10.0.0.1"), expected={WEB: alias("db.example.")})
    assert first == f"{HEAD}web.shop A lacks CNAME db.example."
    assert expected == "  expected  CNAME db.example."


def test_a_claim_of_its_own() -> None:
    must = that("an answer that nobody gives", lambda answer: "the usual")
    first, _, _, expected, *_ = failure(web("10.0.0.1"), expected={WEB: must})
    assert first == f"{HEAD}web.shop is answered with the usual"
    assert expected == "  expected  an answer that nobody gives"


def alike(*handlers: Handler, expected: dict[Question, Expected]) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(DnsServer(one, f"dns-{at}")) for at, one in enumerate(handlers)]
        judge_of(*servers).insist_alike(lambda: expected, settled_at=LONG_AGO)


def test_what_every_server_says_in_the_same_way_is_alike() -> None:
    alike(web("10.0.0.1", "10.0.0.2"), web("10.0.0.2", "10.0.0.1"), expected={WEB: at_least(["10.0.0.1"])})


def test_servers_that_are_both_right_and_say_different_things_are_not_alike() -> None:
    with pytest.raises(Nonconformant) as caught:
        alike(web("10.0.0.1"), web("10.0.0.1", "10.0.0.2"), expected={WEB: at_least(["10.0.0.1"])})
    first, asked, _, expected, *_ = str(caught.value).splitlines()
    assert first == f"{HEAD}web.shop answers what must not be there: 10.0.0.2"
    assert "(dns-1)" in asked
    assert expected == "  expected  10.0.0.1"


def test_servers_that_are_alike_and_wrong_are_wrong() -> None:
    with pytest.raises(Nonconformant, match="1 of 2 expected A records"):
        alike(web("10.0.0.1"), web("10.0.0.1"), expected=TWO)


def test_the_last_answers_are_given_back() -> None:
    with DnsServer(web("10.0.0.1", "10.0.0.2")) as server:
        answers = judge_of(server).insist(lambda: TWO, settled_at=LONG_AGO)
    assert [[record.rdata for record in one.records] for one in answers] == [["10.0.0.1", "10.0.0.2"]] * 2


def test_what_is_truncated_is_not_asked_again_where_that_is_judged() -> None:
    must = that("truncated", lambda answer: "" if answer.truncated else "whole")
    many = web(*(f"10.0.1.{last}" for last in range(200)))
    with DnsServer(many) as server:
        judge_of(server).insist(lambda: {WEB: must}, settled_at=0.0, transports=("udp",), follow_truncated=False)
        with pytest.raises(Nonconformant, match="is answered with whole"):
            judge_of(server).insist(lambda: {WEB: must}, settled_at=0.0, transports=("udp",))


def test_what_is_declared_as_information_is_evidence_once() -> None:
    judge = judge_of()
    judge.inform("answers without EDNS")
    judge.inform("answers without EDNS")
    assert judge.evidence.information == ["answers without EDNS"]
