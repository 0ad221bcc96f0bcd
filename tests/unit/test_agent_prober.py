"""The prober: what it sees of servers that answer, refuse, are silent, truncate, close or come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import dns.message
import pytest

from dns_server import DnsServer, Handler, Reply, framed, records, reply
from kube_dns_conformance.agent import prober as prober_module
from kube_dns_conformance.agent.observations import Probe, Said, Seen
from kube_dns_conformance.agent.prober import Pace, Prober
from kube_dns_conformance.agent.talks import Pending, Tcp, Udp
from kube_dns_conformance.dns.model import Server, Transport

SLOT = 0.02
NOBODY = Server("nobody", "127.0.0.1", 9)


def probe(server: Server, transport: str = "udp", name: str = "web.test.") -> Probe:
    wire = dns.message.make_query(name, "A", use_edns=True, payload=1232).to_wire()
    return Probe(server.host, server.port, transport, wire)


def seen_until(
    enough: Callable[[Sequence[Seen]], bool], *probes: Probe, timeout: float = 5.0
) -> list[tuple[Seen, Said]]:
    prober = Prober(probes, SLOT, timeout)
    prober.start()
    try:
        found: list[Seen] = []
        while not enough(found):
            found += prober.take(len(found), within=1.0)
    finally:
        prober.stop()
    return [(one, prober.said[one.said]) for one in found]


def first_of_each(server: Handler, *transports: str, timeout: float = 5.0, name: str = "web.test.") -> list[Said]:
    with DnsServer(server) as one:
        probes = [probe(one, how, name) for how in transports]
        found = seen_until(lambda seen: len({each.probe for each in seen}) == len(probes), *probes, timeout=timeout)
    return [next(said for seen, said in found if seen.probe == at) for at in range(len(probes))]


def test_each_probe_is_asked_once_in_each_slot_in_the_order_of_time() -> None:
    with DnsServer(records({"web.test. A": ["10.0.0.1"]})) as server:
        began = time.time()
        found = seen_until(lambda seen: len(seen) >= 40, probe(server), probe(server, "tcp"), probe(server, name="no."))
    for at in range(3):
        times = [seen.sent for seen, _ in found if seen.probe == at]
        assert len(times) > 5
        assert times == sorted(times)
        # However late this process was, no slot is asked in twice, and none before it begins.
        assert all(at_time - began >= number * SLOT for number, at_time in enumerate(times))


def test_who_is_not_read_for_too_long_ends_and_what_it_has_seen_stays() -> None:
    with DnsServer(records({"web.test. A": ["10.0.0.1"]})) as server:
        prober = Prober([probe(server)], SLOT, 5.0, lease=20 * SLOT)
        prober.start()
        prober.join(30)
        assert not prober.is_alive()
    found = prober.take(0)
    assert len(found) > 5
    assert prober.take(len(found)) == []


def test_only_who_has_a_lease_ends_when_too_much_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prober_module, "MOST_UNTAKEN", 5)
    with DnsServer(records({"web.test. A": ["10.0.0.1"]})) as server:
        leased, free = Prober([probe(server)], SLOT, 5.0, lease=3600.0), Prober([probe(server)], SLOT, 5.0)
        for one in (leased, free):
            one.start()
        leased.join(30)
        assert not leased.is_alive()
        found = free.take(0, 5.0)
        while len(found) < 20:
            found += free.take(len(found), 5.0)
        assert free.is_alive()
        free.stop()


def test_what_is_said_again_and_again_is_kept_once() -> None:
    with DnsServer(records({"web.test. A": ["10.0.0.1", "10.0.0.2"]})) as server:
        found = seen_until(lambda seen: len(seen) >= 20, probe(server), probe(server, "tcp"))
    assert {seen.said for seen, _ in found} == {0}
    message = dns.message.from_wire(b"\0\0" + found[0][1].wire)
    assert sorted(one.address for one in message.answer[0]) == ["10.0.0.1", "10.0.0.2"]


def test_nobody_listens() -> None:
    found = seen_until(lambda seen: {one.probe for one in seen} == {0, 1}, probe(NOBODY), probe(NOBODY, "tcp"))
    assert {said for _, said in found} == {Said.of(b"", "connection refused")}


def test_what_is_truncated_over_udp_is_asked_over_tcp() -> None:
    many = [f"10.0.{one}.1" for one in range(100)]
    (said,) = first_of_each(records({"web.test. A": many}), "udp")
    assert said.cut
    assert len(dns.message.from_wire(b"\0\0" + said.wire).answer[0]) == 100


def test_what_is_lost_is_asked_once_more() -> None:
    asked: list[bytes] = []

    def loses_the_first(query: bytes, _: Transport) -> Reply:
        asked.append(query)
        return None if len(asked) == 1 else reply(query, "10.0.0.1")

    with DnsServer(loses_the_first) as server:
        found = seen_until(lambda seen: len(seen) >= 1, probe(server), timeout=1.5)
    seen, said = found[0]
    assert said.problem is None
    assert seen.seconds >= 1.5


def test_what_is_refused_is_asked_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a Service still leads to a replica that has just ended, and in the next moment to another."""
    hear, refused = Udp.hear, list[Udp]()

    def refused_once(self: Udp) -> Iterator[tuple[Pending, bytes, str | None]]:
        if refused and refused[0] is not self:
            yield from hear(self)
            return
        refused.append(self)
        yield from ((one, b"", "connection refused") for one in self.all_waiting())

    monkeypatch.setattr(Udp, "hear", refused_once)
    with DnsServer(records({"web.test. A": ["10.0.0.1"]})) as server:
        found = seen_until(lambda seen: len(seen) >= 1, probe(server))
    assert refused
    assert found[0][1].problem is None


def test_silence_and_whoever_closes_the_connection() -> None:
    udp, tcp = first_of_each(lambda _query, transport: None if transport == "udp" else [], "udp", "tcp", timeout=1.5)
    assert udp == Said.of(b"", "no answer within 1.5 s")
    assert tcp == Said.of(b"", "connection closed after 0 of 2 bytes")


def test_a_server_may_close_a_connection_after_each_answer() -> None:
    def one_answer(query: bytes, transport: Transport) -> Reply:
        answer = reply(query, "10.0.0.1")
        return answer if transport == "udp" else [len(answer).to_bytes(2, "big") + answer]

    assert {said.problem for said in first_of_each(one_answer, "tcp", "tcp", "tcp")} == {None}


def test_half_a_message_is_kept_with_what_came() -> None:
    (said,) = first_of_each(lambda _query, _: [b"\x00\x10abcdef"], "tcp")
    assert said == Said.of(b"\x00\x10abcdef", "connection closed after 8 of 18 bytes")


def test_answers_with_another_id_are_none() -> None:
    (said,) = first_of_each(
        lambda query, _: bytes([query[0] ^ 0x80]) + query[1:2] + reply(query, "10.0.0.1")[2:], "udp", timeout=1.5
    )
    assert said.problem == "no answer within 1.5 s, but 1 messages that were no answer"


def test_a_server_that_is_silent_does_not_hold_up_another() -> None:
    silent = DnsServer(lambda _query, _transport: None)
    with silent as mute, DnsServer(records({"web.test. A": ["10.0.0.1"]})) as server:
        found = seen_until(lambda seen: len(seen) >= 20, probe(mute), probe(server), timeout=60.0)
    assert {seen.probe for seen, _ in found} == {1}


def test_what_is_answered_late_is_told_in_its_place() -> None:
    release = threading.Event()
    asked: list[bytes] = []

    def first_is_slow(query: bytes, _: Transport) -> Reply:
        asked.append(query)
        if len(asked) == 1:
            release.wait(10)
            return reply(query, "10.0.0.1")
        if len(asked) == 6:
            release.set()
        return reply(query, "10.0.0.2")

    with DnsServer(first_is_slow) as server:
        found = seen_until(lambda seen: len(seen) >= 6, probe(server))
    times = [seen.sent for seen, _ in found]
    assert times == sorted(times)
    assert found[0][1] != found[1][1]


def test_slots_that_went_by_are_counted_and_not_made_up_for() -> None:
    class Stopped(Prober):
        """Is stopped once. A busy machine may have made it miss some before."""

        missed_before: int | None = None

        def _hear(self, seconds: float) -> None:
            if self.slots >= 3 and self.missed_before is None:
                self.missed_before = self.missed
                time.sleep(10 * SLOT)
            super()._hear(seconds)

    with DnsServer(records({"web.test. A": ["10.0.0.1"]})) as server:
        prober = Stopped([probe(server)], SLOT, 5.0)
        prober.start()
        found: list[Seen] = []
        while len(found) < 8:
            found += prober.take(len(found), within=1.0)
        prober.stop()
    assert prober.missed_before is not None
    assert prober.missed - prober.missed_before >= 8
    assert len(found) <= prober.slots - prober.missed + 1


def test_nobody_is_silent_who_was_not_listened_to() -> None:
    class Kept(Prober):
        """Is kept from listening once, longer than an answer has time."""

        def _hear(self, seconds: float) -> None:
            if asked.is_set() and not listens.is_set():
                time.sleep(0.6)
                listens.set()
            super()._hear(seconds)

    asked, listens = threading.Event(), threading.Event()

    def half_at_a_time(query: bytes, _: Transport) -> Iterator[bytes]:
        asked.set()
        answer = framed(reply(query, "10.0.0.1"))
        yield answer[:20]
        listens.wait(10)
        time.sleep(0.1)
        yield answer[20:]

    with DnsServer(half_at_a_time) as server:
        prober = Kept([probe(server, "tcp"), probe(server)], 10.0, 0.5)
        prober.start()
        (first,) = prober.take(0, within=10.0)
        prober.stop()
    assert prober.said[first.said].problem is None


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_connection_may_be_closed_on_which_this_process_was_kept_from_asking(transport: str) -> None:
    class Kept(Prober):
        """Is kept once from sending on a connection, until the server has closed it."""

        kept = False

        def _hear(self, seconds: float) -> None:
            if not self.kept and any(isinstance(talk, Tcp) for talk in self._talks):
                self.kept = True
                time.sleep(2.0)
            super()._hear(seconds)

    many = [f"10.0.{one}.1" for one in range(100)]
    with DnsServer(records({"web.test. A": many}), idle=0.9) as server:
        prober = Kept([probe(server, transport)], 10.0, 5.0)
        prober.start()
        (first,) = prober.take(0, within=30.0)
        prober.stop()
    assert prober.kept
    assert prober.said[first.said].problem is None
    assert first.seconds > 2.0


def test_who_closes_without_an_answer_is_told_however_often_this_process_is_kept() -> None:
    class Kept(Prober):
        """Is kept from its work for a moment each time."""

        def _hear(self, seconds: float) -> None:
            time.sleep(0.15)
            super()._hear(seconds)

    with DnsServer(lambda _query, _transport: []) as server:
        prober = Kept([probe(server, "tcp")], 10.0, 5.0)
        prober.start()
        (first,) = prober.take(0, within=30.0)
        prober.stop()
    assert prober.said[first.said].problem == "connection closed after 0 of 2 bytes"


def test_a_refusal_is_told_though_this_process_was_kept_from_hearing_it() -> None:
    class Kept(Prober):
        """Is kept from its work for a long time each time."""

        def _hear(self, seconds: float) -> None:
            time.sleep(1.3)
            super()._hear(seconds)

    prober = Kept([probe(NOBODY, "tcp")], 60.0, 5.0)
    prober.start()
    found = prober.take(0, within=10.0)
    prober.stop()
    assert [prober.said[one.said].problem for one in found] == ["connection refused"]


def left_out(pace: Pace, second: int) -> int:
    """Of the hundred slots of one second."""
    return sum(pace.leaves_out(second + at / 100) for at in range(100))


def test_the_slower_the_answers_the_more_slots_are_left_out() -> None:
    pace = Pace(0.5)
    assert left_out(pace, 10) == 0
    for second, expected in ((11, 50), (12, 75), (13, 87), (14, 88)):
        pace.took(0.6)
        assert abs(left_out(pace, second) - expected) <= 1
    assert abs(left_out(pace, 15) - 75) <= 1
    assert abs(left_out(pace, 16) - 50) <= 1
    assert left_out(pace, 17) == 0


def test_quick_answers_leave_no_slot_out() -> None:
    pace = Pace(0.5)
    for second in range(5):
        pace.took(0.4)
        assert left_out(pace, second) == 0


def test_a_server_that_can_hardly_keep_up_is_asked_less() -> None:
    def slow(query: bytes, transport: Transport) -> Reply:
        time.sleep(0.4)
        return reply(query, "10.0.0.1")

    with DnsServer(slow) as server:
        prober = Prober([probe(server)], SLOT, timeout=1.0)
        prober.start()
        while prober.slots < 200:
            prober.take(0, within=0.1)
        prober.stop()
    assert prober.missed > prober.slots / 3
