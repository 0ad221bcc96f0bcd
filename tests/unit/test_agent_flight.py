"""Many questions on their way at once: each gets its own answer or none, and nobody is asked too much."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import DnsServer, Handler, reply
from kube_dns_conformance.agent.batch import decode_flight, decode_reply, encode_flight, encode_reply
from kube_dns_conformance.agent.exchange import Reply, Request
from kube_dns_conformance.agent.flight import FEWEST_AT_ONCE, MOST_AT_ONCE, Flights, Limit, Window
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.dns.plain import Plain

PATIENCE = 20.0
SLOWLY = 250
"""More than are on their way at once, and all fit into the buffer of a server's socket: it may be kept from reading."""


def number(wire: bytes) -> int:
    """Which one of `asks` this is, or is the answer to."""
    return int(str(dns.message.from_wire(wire).question[0].name).split(".")[0])


def asks(server: Server, count: int, timeout: float = PATIENCE) -> list[Request]:
    return [
        Request(server.host, server.port, "udp", Plain(Question(f"{at}.test.", "A")).query, timeout)
        for at in range(count)
    ]


def flown(handler: Handler, count: int, timeout: float = PATIENCE) -> list[Reply]:
    with DnsServer(handler) as server:
        return Flights(0).fly(asks(server, count, timeout))


def numbers(replies: Sequence[Reply]) -> list[int | None]:
    return [number(one.wire) if one.wire else None for one in replies]


def test_each_question_gets_its_own_answer_under_its_own_id() -> None:
    replies = flown(lambda query, _: reply(query, "10.0.0.1"), 1000)
    assert numbers(replies) == list(range(1000))
    assert {one.wire[:2] for one in replies} == {b"\0\0"}
    assert all(0 < one.seconds < PATIENCE for one in replies)


def test_answers_in_another_order_find_their_questions() -> None:
    kept: list[bytes] = []
    lock = threading.Lock()

    def say(query: bytes, _: object) -> list[bytes]:
        with lock:
            kept.append(reply(query, "10.0.0.1"))
            if len(kept) < 8:
                return []
            said = kept[::-1]
            kept.clear()
        return said

    assert numbers(flown(say, 80)) == list(range(80))


def test_what_nobody_answers_is_told_and_waited_for_to_the_end() -> None:
    replies = flown(lambda query, _: None if number(query) in {3, 40} else reply(query, "10.0.0.1"), 100, timeout=1.0)
    assert {at: one.problem for at, one in enumerate(replies) if one.problem} == dict.fromkeys(
        (3, 40), "no answer within 1 s"
    )
    assert all(replies[at].seconds >= 1.0 for at in (3, 40))


def test_what_was_lost_on_the_way_goes_once_more() -> None:
    lost = {7, 50, 99}
    heard: list[int] = []

    def say(query: bytes, _: object) -> bytes | None:
        heard.append(number(query))
        return None if heard.count(number(query)) == 1 and number(query) in lost else reply(query, "10.0.0.1")

    replies = flown(say, 100)
    assert numbers(replies) == list(range(100))
    assert {at for at, one in enumerate(replies) if one.again} >= lost
    assert all(heard.count(at) == 2 for at in lost)
    assert all(one.seconds < PATIENCE / 2 for one in replies)


def test_answers_that_come_late_to_all_that_is_on_its_way_end_nothing() -> None:
    # As of a machine that stood still: all is overdue, has gone once more, and is then answered for the first time. As
    # many are on their way as may be, when the second answer is slow.
    first: dict[int, bytes] = {}

    def say(query: bytes, _: object) -> bytes | None:
        time.sleep(0.15 if number(query) == 1 else 0.0)
        if number(query) < 2:
            return reply(query, "10.0.0.1")
        return reply(first[number(query)], "10.0.0.1") if first.setdefault(number(query), query) != query else None

    assert numbers(flown(say, 100)) == list(range(100))


def test_who_says_nothing_at_all_is_asked_nothing_twice() -> None:
    heard: list[int] = []
    replies = flown(lambda query, _: heard.append(number(query)), 40, timeout=1.0)
    assert {one.problem for one in replies} == {"no answer within 1 s"}
    assert sorted(heard) == list(range(40))


@pytest.mark.parametrize(
    "other",
    [
        lambda wire: bytes([wire[0] ^ 0x80]) + wire[1:],  # the id of no question
        lambda wire: wire.replace(b"\x015\x04test", b"\x015\x04TEST"),  # another question
        lambda wire: wire[:5],
        lambda _: b"",
    ],
    ids=["id", "question", "short", "empty"],
)
def test_what_is_no_answer_is_nobodys(other: Callable[[bytes], bytes]) -> None:
    def say(query: bytes, _: object) -> bytes:
        wire = reply(query, "10.0.0.1")
        return other(wire) if number(query) == 5 else wire

    assert numbers(flown(say, 10, timeout=1.0)) == [0, 1, 2, 3, 4, None, 6, 7, 8, 9]


def test_an_answer_may_be_anything_that_repeats_the_question() -> None:
    def say(query: bytes, _: object) -> bytes:
        return reply(query, "10.0.0.1")[:-1] + b"garbage"

    got = flown(say, 3)
    assert all(one.wire.endswith(b"garbage") for one in got)


def test_a_silent_server_holds_up_nobody_and_what_is_overdue_is_still_heard() -> None:
    released = threading.Event()

    def late(query: bytes, _: object) -> bytes:
        if number(query) == SLOWLY - 1:
            released.set()  # all have been asked by now, though nobody was answered
        released.wait(PATIENCE)
        return reply(query, "10.0.0.1")

    def silence(_: bytes, __: object) -> None:
        return None

    with DnsServer(silence) as silent, ManyAtOnce(late) as slow, DnsServer(lambda one, _: reply(one)) as honest:
        batch = asks(silent, 300, timeout=3.0) + asks(slow, SLOWLY, timeout=PATIENCE) + asks(honest, 500)
        replies = Flights(0).fly(batch)
    assert {one.problem for one in replies[:300]} == {"no answer within 3 s"}
    assert numbers(replies[300:]) == [*range(SLOWLY), *range(500)]


class ManyAtOnce(DnsServer):
    """With a thread for each question."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler)
        self._pool = ThreadPoolExecutor(600)


def test_where_nobody_listens_each_question_is_refused() -> None:
    with DnsServer(lambda *_: None) as gone:
        pass
    assert [one.problem for one in Flights(0).fly(asks(gone, 100))] == ["connection refused"] * 100
    assert Flights(0).fly([]) == []


def test_where_there_is_no_way_it_is_said_to_be_ours() -> None:
    (got,) = Flights(0).fly([Request("255.255.255.255", 53, "udp", bytes(12), 1.0)])
    assert (got.ours, got.wire) == (True, b"")


def test_more_questions_than_there_are_ids() -> None:
    with DnsServer(lambda query, _: reply(query)) as server:
        one = asks(server, 1)[0]
        flights = Flights(0)
        flights.fly([one] * 10)
        assert {one.problem for one in flights.fly([one] * 3000)} == {None}


def test_no_more_go_than_the_limit_lets() -> None:
    limit = Limit(100)
    now, gone = 50.0, 0
    while now < 52.0:
        wait = limit.wait(now)
        now += wait
        if wait == 0:
            gone += 1
    assert 199 <= gone <= 202


def test_a_pause_is_not_made_up_for() -> None:
    limit = Limit(1000)
    assert limit.wait(1.0) == 0
    burst = 0
    while limit.wait(9.0) == 0:
        burst += 1
    assert burst == 11  # ten that are a hundredth of a second late, and the one that is due


def test_without_a_limit_nothing_waits() -> None:
    limit = Limit(0)
    assert limit.wait(1.0) == 0
    assert limit.wait(1.0) == 0


def test_a_quick_server_is_asked_more_a_slow_one_less_and_one_that_loses_half() -> None:
    window = Window()
    assert window.size == FEWEST_AT_ONCE == 32
    for _ in range(5000):
        window.came(0.001)
    assert window.size == MOST_AT_ONCE == 128
    window.came(0.009)  # nobody calls that slow
    assert window.size == 128
    for _ in range(10):
        window.came(0.011)
    assert window.size == 118
    window.lost()
    assert window.size == 59
    for _ in range(9):
        window.lost()
    assert window.size == 32


@given(st.lists(st.one_of(st.none(), st.floats(0, 5)), max_size=300))
def test_a_window_has_its_bounds(events: list[float | None]) -> None:
    window = Window()
    for seconds in events:
        window.lost() if seconds is None else window.came(seconds)
        assert FEWEST_AT_ONCE <= window.size <= MOST_AT_ONCE


def test_it_travels_to_an_agent_and_back() -> None:
    sent = asks(Server("dns-0", "127.0.0.1", 53), 2)
    assert decode_flight(encode_flight(sent, 500.0)) == (sent, 500.0)
    with pytest.raises(ValueError, match="over UDP"):
        decode_flight(encode_flight([sent[0]._replace(transport="tcp")], 0))
    with pytest.raises(ValueError, match="not a list"):
        decode_flight(b'{"rate": 1, "requests": 5}')
    there = Reply(1.0, 0.5, b"abc")
    assert decode_reply(json.loads(encode_reply(there))) == there


def test_requests_are_taken_only_as_they_can_be_sent() -> None:
    taken = came = most = 0
    with DnsServer(lambda query, _: reply(query, "10.0.0.1")) as server:

        def coming() -> Iterator[Request]:
            nonlocal taken
            for one in asks(server, 2000):
                taken += 1
                yield one

        for _ in Flights(0).stream(coming()):
            came += 1
            most = max(most, taken - came)
    assert (taken, came) == (2000, 2000)
    assert most <= 2 * MOST_AT_ONCE


def test_of_two_servers_the_silent_one_keeps_no_question_from_the_other() -> None:
    with (
        DnsServer(lambda query, _: reply(query, "10.0.0.1")) as server,
        DnsServer(lambda *_: None) as silent,
    ):
        batch = [one for pair in zip(asks(server, 150), asks(silent, 150), strict=True) for one in pair]
        first = [index for index, _ in islice(Flights(0).stream(iter(batch)), 150)]
    assert sorted(first) == list(range(0, 300, 2))
