"""Watching: every question of every server again and again, and nothing that was not seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from dns_server import DnsServer, records
from kube_dns_conformance import timeline
from kube_dns_conformance.agent.observations import Probe
from kube_dns_conformance.apart import Apart
from kube_dns_conformance.dns.compare import exactly
from kube_dns_conformance.dns.model import Answer, Question, Server, Transport
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.probing import Observation, Probing
from kube_dns_conformance.timeline import Lane
from kube_dns_conformance.vantage import ThisProcess
from kube_dns_conformance.watch import Reading, Watch
from observations import WEB

OLD, NEW = "10.0.0.1", "10.0.0.2"
RIGHT = exactly([NEW])
SLOT = 0.05
ANSWERS_AT_LEAST = 4


def test_a_watch_asks_every_question_of_every_server_again_and_again() -> None:
    web, db = Question("web.test.", "A"), Question("db.test.", "A")
    honest = records({"web.test. A": [NEW], "db.test. A": [OLD]})
    with DnsServer(honest, "dns-0") as first, DnsServer(honest, "dns-1") as second:
        watch = Watch([ThisProcess(5.0)], [first, second], [web, db], SLOT)
        with watch:
            enough = watch.wait(
                lambda _: len(watch.answers()) >= 16 and len(timeline.lanes(watch.answers())) == 8, time.time() + 30
            )
    assert enough
    lanes = timeline.lanes(watch.answers())
    transports: tuple[Transport, ...] = ("udp", "tcp")
    both = {Lane(question, f"dns-{one}", how) for question in (web, db) for one in (0, 1) for how in transports}
    assert set(lanes) == both
    assert all(answer.rcode == "NOERROR" for answer in watch.answers())
    assert watch.answers() == sorted(watch.answers(), key=lambda answer: answer.sent)


def test_a_silent_server_does_not_slow_down_the_watching_of_another() -> None:
    silence = DnsServer(lambda query, transport: None, "dns-1")
    with DnsServer(records({WEB.name + " A": [NEW]}), "dns-0") as honest, silence as quiet:
        with Watch([ThisProcess(20.0)], [honest, quiet], [WEB], SLOT) as watch:
            assert watch.wait(lambda _: len(watch.answers()) >= 4, time.time() + 30)
            assert {answer.server.name for answer in watch.answers()[:4]} == {"dns-0"}
        assert {one.rcode for one in watch.answers() if one.server.name == "dns-0"} == {"NOERROR"}


def test_a_watch_that_is_not_content_ends_at_its_deadline() -> None:
    with (
        DnsServer(records({})) as server,
        Watch([ThisProcess(5.0)], [server], [WEB], SLOT) as watch,
    ):
        assert not watch.wait(lambda seen: False, time.time() + 0.1)


def test_what_nobody_waits_for_is_read_and_each_answer_is_there_once() -> None:
    class Counting(ThisProcess):
        def __init__(self) -> None:
            super().__init__(5.0)
            self.taken = 0
            self.enough = threading.Event()

        def probe(self, probes: Sequence[Probe], slot: float, position: str = "") -> Probing:
            class Counted(Apart):
                def take(self, within: float) -> list[Observation]:
                    found = super().take(within)
                    counting.taken += len(found)
                    if counting.taken > ANSWERS_AT_LEAST:
                        counting.enough.set()
                    return found

            counting = self
            return Counted(probes, slot, self.timeout)

    vantage = Counting()
    server = DnsServer(records({WEB.name + " A": [NEW]}))
    with server as asked, Watch([vantage], [asked], [WEB], SLOT) as watch, Reading([watch]):
        assert vantage.enough.wait(30.0)
        assert watch.wait(lambda seen: len(seen) > 0, time.time() + 30)
    answers = watch.answers()
    assert len(answers) == vantage.taken
    assert len({(one.transport, one.sent) for one in answers}) == len(answers)


class Breaking(ThisProcess):
    """Takes once and breaks then, like a vantage whose Pod is gone."""

    def probe(self, probes: Sequence[Probe], slot: float, position: str = "") -> Probing:
        class Once(Apart):
            def take(self, within: float) -> list[Observation]:
                if found := super().take(within):
                    self.take = self._broken  # type: ignore[method-assign]
                return found

            def _broken(self, within: float) -> list[Observation]:
                raise ConnectionError("the vantage is gone")

        return Once(probes, slot, self.timeout)


def test_a_vantage_that_breaks_is_never_mistaken_for_an_answer_that_holds() -> None:
    honest = DnsServer(records({WEB.name + " A": [NEW]}))
    with honest as server:
        watch = Watch([Breaking(5.0)], [server], [WEB], SLOT)
        with pytest.raises(ConnectionError, match="the vantage is gone"):
            watch_in_vain(watch)
    assert timeline.deviations(watch.answers(), RIGHT) == []


def watch_in_vain(watch: Watch) -> None:
    with watch:
        with pytest.raises(ConnectionError, match="the vantage is gone"):
            watch.wait(lambda seen: False, time.time() + 30)
        watch.wait(lambda seen: True, time.time() + 30)


def test_each_answer_is_handed_over_once_also_to_who_comes_later() -> None:
    with (
        DnsServer(records({WEB.name + " A": [NEW]})) as server,
        Watch([ThisProcess(5.0)], [server], [WEB], SLOT) as watch,
    ):
        for _ in range(2):
            taken: list[Answer] = []

            def take(new: Sequence[Answer], taken: list[Answer] = taken) -> bool:
                taken += new
                return len(taken) >= 8

            assert watch.wait(take, time.time() + 30)
            for lane, row in timeline.lanes(watch.answers()).items():
                of_lane = [one for one in taken if Lane.of(one) == lane]
                assert of_lane == row[: len(of_lane)]


class Placed(ThisProcess):
    """This process, as if it were on a node."""

    def __init__(self, node: str) -> None:
        super().__init__(5.0)
        self._node = node

    @property
    def place(self) -> str:
        return self._node


def test_several_places_are_watched_from_at_once_and_told_apart() -> None:
    with DnsServer(records({WEB.name + " A": [NEW]}), "dns-0") as server:
        with Watch([Placed("a"), Placed("b")], [server], [WEB], SLOT) as watch:
            assert watch.wait(
                lambda _: (
                    all(one.slots > 2 for one in watch.observers)
                    and set(timeline.lanes(watch.answers())) == watch.lanes
                ),
                time.time() + 30,
            )
        assert {(one.transport, one.vantage) for one in watch.lanes} == {
            ("udp", "a"),
            ("tcp", "a"),
            ("udp", "b"),
            ("tcp", "b"),
        }
    assert {line["vantage"] for line in timeline.as_data(watch.answers())} == {"a", "b"}


def test_when_one_of_them_cannot_begin_none_goes_on() -> None:
    begun: list[Probing] = []

    class Beginning(Placed):
        def probe(self, probes: Sequence[Probe], slot: float, position: str = "") -> Probing:
            begun.append(super().probe(probes, slot))
            return begun[-1]

    class Unable(Placed):
        def probe(self, probes: Sequence[Probe], slot: float, position: str = "") -> Probing:
            raise ClusterError("no agent answered")

    with DnsServer(records({WEB.name + " A": [NEW]})) as server:
        watch = Watch([Beginning("a"), Unable("b")], [server], [WEB], SLOT)
        with pytest.raises(ClusterError, match="no agent answered"), watch:
            pass
        with pytest.raises(ClusterError, match="the process that asks has stopped asking"):
            begun[0].take(0.2)


def test_a_watch_of_no_server_sees_nothing() -> None:
    servers: list[Server] = []
    with Watch([ThisProcess(1.0)], servers, [WEB], SLOT) as watch:
        assert not watch.wait(bool, time.time())
    assert watch.answers() == []
