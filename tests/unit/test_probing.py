"""Probers in an agent: what they see comes here whole, also when the agent is gone for a while or for ever."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from typing import Any

import dns.message
import pytest
from kubernetes.client import ApiClient

from agent_process import TOKEN, Hand, agent_process, api_server, refusing
from dns_server import DnsServer, records
from kube_dns_conformance.agent.batch import Head, Replies
from kube_dns_conformance.agent.observations import Probe
from kube_dns_conformance.agent.proxy import Agent, Agents
from kube_dns_conformance.dns.model import Question, Server, Transport
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.inside import Inside
from kube_dns_conformance.probing import InAgent, Observation
from kube_dns_conformance.timeline import lanes
from kube_dns_conformance.watch import Watch

SLOT = 0.02
GAP = 1.0
"""Seconds that even a busy machine does not keep a prober from asking; what would be lost takes longer."""
ONE = records({"web.test. A": ["10.0.0.1"]})
QUERY = dns.message.make_query("web.test.", "A").to_wire()


@pytest.fixture
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with agent_process(tmp_path_factory.mktemp("agent")) as port:
        yield port


def probes(server: Server) -> list[Probe]:
    return [Probe(server.host, server.port, how, QUERY) for how in ("udp", "tcp")]


def taken(probing: InAgent, count: int) -> list[Observation]:
    found: list[Observation] = []
    deadline = time.monotonic() + 30
    while len(found) < count:
        assert time.monotonic() < deadline
        found += probing.take(1.0)
    return found


def test_a_watch_from_an_agent_sees_what_one_from_here_sees(port: int) -> None:
    with api_server({"agent-a": port}) as api, DnsServer(ONE) as server:
        agents = ready_ones(api, {"agent-a": port})
        began = time.time()
        with Watch([Inside(agents, 5.0)], [server], [Question("web.test.", "A")], SLOT) as watch:
            assert watch.wait(
                lambda _: len(watch.answers()) > 10 and lanes(watch.answers()).keys() == watch.lanes, time.time() + 30
            )
        rows = lanes(watch.answers())
    assert rows.keys() == watch.lanes
    assert {one.said() for one in watch.answers()} == {"NOERROR 10.0.0.1"}
    assert all(began - 0.5 < one.sent < time.time() + 0.5 for one in watch.answers())


def test_what_was_seen_while_the_api_server_was_away_comes_afterwards(port: int) -> None:
    away: list[bool] = []

    def is_away(request: BaseHTTPRequestHandler) -> bool:
        if away and request.path.endswith("/probe/take"):
            request.send_error(503)
            return True
        return False

    with api_server({"agent-a": port}, is_away) as api, DnsServer(ONE) as server:
        agent = Agent(api, "agents", "agent-a", TOKEN)
        probing = InAgent(Agents(lambda: [agent], 0.5), probes(server), SLOT, 5.0)
        before = taken(probing, 2)
        away.append(True)
        with pytest.raises(ClusterError):
            probing.take(0.0)
        away.clear()
        found = before + taken(probing, len(before) + 1)
        slots = probing.slots - probing.missed
        while len(asked := [seen.sent for seen, _ in found if seen.probe == 0]) < slots:  # nothing was lost
            found += taken(probing, 1)
        probing.stop()
    assert asked == sorted(asked)


def test_another_agent_takes_over(port: int, tmp_path: pytest.TempPathFactory) -> None:
    gone: list[bool] = []
    with api_server({"agent-a": port, "agent-b": port}, refusing(gone)) as api, DnsServer(ONE) as server:
        both = [Agent(api, "agents", name, TOKEN) for name in ("agent-a", "agent-b")]
        probing = InAgent(Agents(lambda: both[len(gone) :], 5.0), probes(server), SLOT, 5.0)
        taken(probing, 2)
        slots, missed = probing.slots, probing.missed
        time.sleep(10 * SLOT)  # what the first has seen meanwhile goes with it
        gone.append(True)
        assert {said.problem for _, said in taken(probing, 10)} == {None}
        probing.stop()
    assert probing.slots > slots + 10
    assert probing.missed >= missed + 10


def test_nobody_asks_in_place_of_an_agent_that_only_cannot_be_reached_for_a_moment(port: int) -> None:
    refused: list[str] = []

    def is_refused(request: BaseHTTPRequestHandler) -> bool:
        if "agent-a" in request.path and request.path.endswith("/probe/take") and len(refused) < 3:
            refused.append(request.path)
            request.send_error(503)
            return True
        return False

    with api_server({"agent-a": port, "agent-b": port}, is_refused) as api, DnsServer(ONE) as server:
        both = [Agent(api, "agents", name, TOKEN, f"node of {name}") for name in ("agent-a", "agent-b")]
        agents = Agents(lambda: both, 30.0)
        probing = InAgent(agents, probes(server), SLOT, 5.0)
        found = taken(probing, 2)
        slots = probing.slots - probing.missed
        while len(asked([one for one in found if one[0].probe == 0])) < slots:  # nothing was lost
            found += taken(probing, 1)
        probing.stop()
    assert (len(refused), agents.name) == (3, "agent on node node of agent-a")


def test_a_prober_that_is_not_there_any_more_is_started_anew(port: int) -> None:
    with api_server({"agent-a": port}) as api, DnsServer(ONE) as server:
        agent = Agent(api, "agents", "agent-a", TOKEN)
        probing = InAgent(Agents(lambda: [agent], 5.0), probes(server), SLOT, 5.0)
        taken(probing, 2)
        probing.stop()
        assert {said.problem for _, said in taken(probing, 10)} == {None}
        probing.stop()


HELD_UP = 0.3
"""Seconds."""


def held_up(where: list[str]) -> Hand:
    """What holds up requests on their way to such paths."""

    def hold_up(request: BaseHTTPRequestHandler) -> bool:
        if any(one in request.path for one in where):
            time.sleep(HELD_UP)
        return False

    return hold_up


def ready_ones(api: ApiClient, pods: dict[str, int]) -> Agents:
    """Those of these Pods, made anew at every look, as `workload.find` makes them."""
    return Agents(lambda: [Agent(api, "agents", name, TOKEN) for name in pods], 5.0)


def not_ready(agents: Agents, pods: dict[str, int]) -> None:
    """None of them is for a moment, and somebody looks."""
    pods.clear()
    assert agents.ready() == []


class Counted:
    """Answers with how often it was asked so."""

    def __init__(self) -> None:
        self.asked: Counter[Transport] = Counter()
        self._one = threading.Lock()

    @property
    def count(self) -> int:
        return self.asked.total()

    def __call__(self, query: bytes, transport: Transport) -> Any:
        with self._one:
            self.asked[transport] += 1
            number = IPv4Address("10.0.0.0") + self.asked[transport]
        return records({"web.test. A": [str(number)]})(query, transport)

    def wait_for(self, more: int) -> None:
        wanted, deadline = self.count + more, time.monotonic() + 30
        while self.count < wanted:
            assert time.monotonic() < deadline
            time.sleep(SLOT)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def asked(found: Iterable[Observation]) -> list[float]:
    return [seen.sent for seen, _ in found if seen.probe == 0]


def numbers(found: Iterable[Observation]) -> list[int]:
    """What `Counted` has said over UDP, in order: another number each time."""
    wires = [b"\0\0" + said.wire for seen, said in found if seen.probe == 0]
    first = int(IPv4Address("10.0.0.0"))
    return sorted(int(IPv4Address(dns.message.from_wire(one).answer[0][0].address)) - first for one in wires)


def each_once(found: Iterable[Observation]) -> bool:
    """Whether none is missing or twice. Of the last ones, those that came together are counted in any order."""
    whole = numbers(found)[:-5]
    return len(whole) > 5 and whole == [*range(1, len(whole) + 1)]


def test_an_agent_that_is_started_anew_has_all_that_the_one_before_has_seen_and_goes_on_asking_unasked(
    tmp_path: Path, kept: Path
) -> None:
    pods: dict[str, int] = {}
    slow: list[str] = []
    with api_server(pods, held_up(slow)) as api, DnsServer(counted := Counted()) as server:
        agents = ready_ones(api, pods)
        with agent_process(tmp_path / "first", kept=kept) as pods["agent-a"]:
            probing = InAgent(agents, probes(server), SLOT, 5.0)
            found = taken(probing, 20)
            counted.wait_for(200)  # which nobody takes from the first
        killed = time.time()
        not_ready(agents, pods)
        slow.append("/")  # would tell of another time than the one before
        with agent_process(tmp_path / "second", kept=kept) as pods["agent-a"]:
            counted.wait_for(20)
            found += taken(probing, 220)
            while max(asked(found)) < killed:
                found += taken(probing, 1)
            probing.stop()
        assert not list(kept.iterdir())
    assert len(set(numbers(found))) == len(numbers(found))  # nothing twice
    moments = asked(found)
    assert moments == sorted(moments)
    before = [at for at in moments if at < killed]
    assert max(later - at for at, later in pairwise(before)) < GAP
    assert killed - before[-1] < GAP
    assert probing.missed > 0  # until the second began
    assert {said.problem for _, said in found} == {None}


def test_of_many_times_that_an_agent_is_started_anew_one_prober_remains(tmp_path: Path, kept: Path) -> None:
    pods: dict[str, int] = {}
    with api_server(pods) as api, DnsServer(Counted()) as server:
        agents = ready_ones(api, pods)
        with agent_process(tmp_path / "0", kept=kept) as pods["agent-a"]:
            probing = InAgent(agents, probes(server), SLOT, 5.0)
            taken(probing, 2)
        for number in range(1, 4):
            not_ready(agents, pods)
            with agent_process(tmp_path / str(number), kept=kept) as pods["agent-a"]:
                taken(probing, 20)
        assert len(list(kept.glob("*.order"))) == 1


def test_answers_stay_those_to_their_questions_over_a_restart(tmp_path: Path, kept: Path) -> None:
    pods: dict[str, int] = {}
    silent: list[bool] = []
    addresses = {f"10.0.0.{number}": records({"web.test. A": [f"10.0.0.{number}"]}) for number in range(1, 200)}
    sequence = iter(addresses.values())

    def answer(query: bytes, transport: Transport) -> Any:
        return None if silent and transport == "tcp" else next(sequence, ONE)(query, transport)

    with api_server(pods) as api, DnsServer(answer) as server:
        agents = ready_ones(api, pods)
        with agent_process(tmp_path / "first", kept=kept) as pods["agent-a"]:
            probing = InAgent(agents, probes(server), SLOT, 1.0)
            found = taken(probing, 20)
            silent.append(True)  # so that nothing is told of what was said meanwhile
            for _ in range(20):
                found += probing.take(0.0)
                time.sleep(SLOT)
        silent.clear()
        not_ready(agents, pods)
        with agent_process(tmp_path / "second", kept=kept) as pods["agent-a"]:
            found += taken(probing, 200)
            probing.stop()
    said = [dns.message.from_wire(b"\0\0" + said.wire).answer[0][0].address for _, said in found if not said.problem]
    told = [one for one in said if one != "10.0.0.1"]
    assert len(told) == len(set(told))  # each was said once, and so is only one observation's answer


def test_whoever_goes_on_reading_gets_everything_once(port: int) -> None:
    with api_server({"agent-a": port}) as api, DnsServer(Counted()) as server:
        agent = Agent(api, "agents", "agent-a", TOKEN)
        agents = Agents(lambda: [agent], 5.0)
        first = InAgent(agents, probes(server), SLOT, 5.0)
        first.keep(first.position)
        found = taken(first, 20)
        safe, position = len(found), first.position
        first.keep(position)
        lost = taken(first, 100)  # by a process that dies before it has written that down
        lost += taken(first, 100)
        again = InAgent(agents, probes(server), SLOT, 5.0, position)
        found = found[:safe] + taken(again, 260)
        again.stop()
    assert each_once(found)
    assert numbers(found)[-1] > numbers(lost)[-1]
    assert asked(found) == sorted(asked(found))


def test_whoever_goes_on_reading_tells_the_times_of_the_one_before(port: int) -> None:
    slow: list[str] = []
    with api_server({"agent-a": port}, held_up(slow)) as api, DnsServer(Counted()) as server:
        first = InAgent(ready_ones(api, {"agent-a": port}), probes(server), SLOT, 5.0)
        found = taken(first, 20)
        slow.append("/probe/take")
        again = InAgent(ready_ones(api, {"agent-a": port}), probes(server), SLOT, 5.0, first.position)
        found += taken(again, 100)
        again.stop()
    assert each_once(found)
    assert asked(found) == sorted(asked(found))
    assert again.error < HELD_UP / 2


def test_times_stay_in_order_when_the_clock_is_known_better(port: int) -> None:
    with api_server({"agent-a": port}) as api, DnsServer(Counted()) as server:
        (agent,) = ones = [Agent(api, "agents", "agent-a", TOKEN)]
        probing = InAgent(Agents(lambda: ones, 5.0), probes(server), SLOT, 5.0)
        found = taken(probing, 20)
        moment = time.monotonic()
        here = agent.clock.here(moment) - 5 * SLOT
        agent.clock.learn(here, here, Replies(Head(agent.clock.boot, moment, here), [], moment))
        found += taken(probing, 100)
        probing.stop()
    assert each_once(found)
    assert asked(found) == sorted(asked(found))


def test_how_exact_its_times_are_is_said_of_all_of_them(port: int) -> None:
    slow: list[str] = []
    with api_server({"agent-a": port}, held_up(slow)) as api, DnsServer(ONE) as server:
        slow.append("/")
        probing = InAgent(ready_ones(api, {"agent-a": port}), probes(server), SLOT, 5.0)
        taken(probing, 2)
        slow.clear()
        taken(probing, 20)
        probing.stop()
    assert probing.error > HELD_UP / 2 - SLOT


def test_what_was_forgotten_meanwhile_is_lost_and_nothing_comes_twice(port: int) -> None:
    with api_server({"agent-a": port}) as api, DnsServer(Counted()) as server:
        agent = Agent(api, "agents", "agent-a", TOKEN)
        agents = Agents(lambda: [agent], 5.0)
        first = InAgent(agents, probes(server), SLOT, 5.0)
        taken(first, 20)
        position = first.position
        for _ in range(3):
            taken(first, 20)
        again = InAgent(agents, probes(server), SLOT, 5.0, position)
        found = taken(again, 20)
        found += taken(again, 20)
        again.stop()
    assert len(set(numbers(found))) == len(numbers(found))
    assert asked(found) == sorted(asked(found))


def test_every_node_is_a_place_and_another_asks_in_place_of_what_is_gone(port: int) -> None:
    gone: list[bool] = []
    with api_server({"agent-a": port, "agent-b": port}, refusing(gone)) as api, DnsServer(ONE) as server:
        both = [Agent(api, "agents", f"agent-{one}", TOKEN, f"node-{one}") for one in "ab"]
        places = Inside(Agents(lambda: both[len(gone) :], 5.0), 5.0).places()
        assert [(one.place, one.name) for one in places] == [
            ("node-a", "agent on node node-a"),
            ("node-b", "agent on node node-b"),
        ]
        with Watch(places, [server], [Question("web.test.", "A")], SLOT) as watch:
            assert watch.wait(lambda _: lanes(watch.answers()).keys() == watch.lanes, time.time() + 30)
            gone.append(True)
            since = time.time() + 0.1

            def is_heard_from_both(_: object) -> bool:
                return {one.vantage for one in watch.answers() if one.sent > since} == {"node-a", "node-b"}

            assert watch.wait(is_heard_from_both, time.time() + 30)
        assert {one.said() for one in watch.answers()} == {"NOERROR 10.0.0.1"}
        assert [one.name for one in watch.observers] == ["agent on node node-b"] * 2


def test_without_an_agent_that_is_ready_there_is_one_place() -> None:
    nobody = Inside(Agents(list, 0.1), 5.0)
    assert nobody.places() == [nobody]
