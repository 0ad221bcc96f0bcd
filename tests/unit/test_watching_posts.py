"""From where `watch` asks: a node whose agent is gone for a while is not told of, and ends nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from agent_process import TOKEN, agent_process, api_server, refusing
from dns_server import DnsServer, records
from kube_dns_conformance.agent.proxy import Agent, Agents
from kube_dns_conformance.dns.model import Answer, Question, Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.inside import Inside
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.watch import gentle_slot
from kube_dns_conformance.watching import posts as module
from kube_dns_conformance.watching.posts import EveryNode, Posts

NAME = Question("web.test.", "A")
HONEST = records({"web.test. A": ["10.0.0.1"]})


@pytest.fixture
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with agent_process(tmp_path_factory.mktemp("agent")) as port:
        yield port


def until(asking: Posts, enough: Callable[[Answer], bool]) -> list[Answer]:
    """What is taken until there is such an answer."""
    found: list[Answer] = []
    deadline = time.monotonic() + 30
    while not any(map(enough, found)):
        assert time.monotonic() < deadline
        found += asking.take(0.1)
    return found


@pytest.fixture
def two(port: int, gone: list[bool]) -> Iterator[Inside]:
    """Agents on node-a and node-b, the first out of reach while there is something in ``gone``."""
    with api_server({"agent-a": port, "agent-b": port}, refusing(gone)) as api:
        both = [Agent(api, "agents", f"agent-{one}", TOKEN, f"node-{one}") for one in "ab"]
        yield Inside(Agents(lambda: both, 5.0), 5.0)


@pytest.fixture
def gone() -> list[bool]:
    return []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIED_AGAIN_SECONDS", 0.2)


def posts(inside: Inside, server: Server, *nodes: str, api: float = 10.0) -> EveryNode:
    return EveryNode(inside, [server], [NAME], Timings(slot=0.05, api=api), nodes)


def seen_from(node: str) -> Callable[[Answer], bool]:
    return lambda one: one.vantage == node


def test_every_node_is_asked_from_while_it_can_be(two: Inside, gone: list[bool]) -> None:
    with DnsServer(HONEST) as server, posts(two, server, "node-a", "node-b") as asking:
        for node in ("node-a", "node-b"):
            until(asking, seen_from(node))
        gone.append(True)
        asking.take(0.0)
        since = time.time()
        without = until(asking, lambda one: one.vantage == "node-b" and one.sent > since)
        assert {one.vantage for one in without} == {"node-b"}
        gone.clear()
        # What it has seen meanwhile is told as soon as it can be reached.
        back = until(asking, seen_from("node-a"))
        assert min(one.sent for one in back if one.vantage == "node-a") < since
    assert [one.name for one in asking.observers] == ["agent on node node-a", "agent on node node-b"]
    assert all(one.slots > one.missed for one in asking.observers)


def test_what_was_not_heard_from_a_node_until_the_end_is_missed(two: Inside, gone: list[bool]) -> None:
    with DnsServer(HONEST) as server, posts(two, server, "node-a", "node-b", "node-c") as asking:
        while not any(one.slots > one.missed for one in asking.observers if one.name.endswith("-a")):
            asking.take(0.1)
        gone.append(True)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            asking.take(0.1)
    a, b, c = asking.observers
    assert (c.name, c.slots) == ("agent on node node-c", c.missed)
    assert c.slots >= 30
    assert 20 <= a.missed < a.slots
    assert b.missed < b.slots


def test_after_the_end_nobody_is_asked_any_more(two: Inside) -> None:
    with DnsServer(HONEST) as server:
        with posts(two, server, "node-a", "node-b") as asking:
            until(asking, seen_from("node-b"))
            time.sleep(0.3)  # what is seen meanwhile nobody has taken yet
        rest = asking.take(0.0)
        assert {one.vantage for one in rest} == {"node-a", "node-b"}
        assert asking.take(0.0) == []


def test_where_no_node_can_be_asked_from_any_more_the_watch_ends(port: int, gone: list[bool]) -> None:
    with api_server({"agent-a": port}, refusing(gone)) as api, DnsServer(HONEST) as server:
        inside = Inside(Agents(lambda: [Agent(api, "agents", "agent-a", TOKEN, "node-a")], 5.0), 5.0)
        with posts(inside, server, "node-a", api=0.5) as asking:
            until(asking, seen_from("node-a"))
            gone.append(True)
            with pytest.raises(ClusterError) as caught:
                until(asking, lambda _: False)
    assert str(caught.value).startswith("no node can be asked from any more: no agent answered for 1 s, last: ")


def test_without_an_agent_it_is_waited_for_one_and_not_in_a_hurry() -> None:
    asked: list[float] = []

    def nobody() -> Sequence[Agent]:
        asked.append(time.monotonic())
        return []

    with (
        DnsServer(HONEST) as server,
        posts(Inside(Agents(nobody, 5.0), 5.0), server, "node-a", api=0.5) as asking,
        pytest.raises(ClusterError, match="no node can be asked from any more: there is no agent Pod that is ready"),
    ):
        until(asking, lambda _: False)
    assert len(asked) < 20


def test_nodes_ask_less_often_the_more_there_are() -> None:
    assert gentle_slot(0.05, nodes=3, servers=3, questions=10) == 0.05
    assert gentle_slot(0.05, nodes=1000, servers=3, questions=10) == 12.0
