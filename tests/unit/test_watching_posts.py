"""From where `watch` asks: a node whose agent is gone for a while is not told of, and ends nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from agent_process import TOKEN, agent_process, api_server, refusing
from dns_server import DnsServer, records
from kube_dns_conformance.agent.proxy import Agent, Agents
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.inside import Inside
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.watch import gentle_slot
from kube_dns_conformance.watching.posts import EveryNode, Posts

NAME = Question("web.test.", "A")
HONEST = records({"web.test. A": ["10.0.0.1"]})


@pytest.fixture
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with agent_process(tmp_path_factory.mktemp("agent")) as port:
        yield port


def until(posts: Posts, enough: Callable[[Answer], bool]) -> list[Answer]:
    """What is taken until there is such an answer."""
    found: list[Answer] = []
    deadline = time.monotonic() + 30
    while not any(map(enough, found)):
        assert time.monotonic() < deadline
        found += posts.take(0.1)
    return found


def test_every_node_is_asked_from_while_it_can_be(port: int) -> None:
    gone: list[bool] = []
    with api_server({"agent-a": port, "agent-b": port}, refusing(gone)) as api, DnsServer(HONEST) as server:
        both = [Agent(api, "agents", f"agent-{one}", TOKEN, f"node-{one}") for one in "ab"]
        inside = Inside(Agents(lambda: both, 5.0), 5.0)
        with EveryNode(inside, [server], [NAME], Timings(slot=0.05)) as posts:
            assert {one.vantage for one in until(posts, lambda one: one.vantage == "node-b")} <= {"node-a", "node-b"}
            until(posts, lambda one: one.vantage == "node-a")
            gone.append(True)
            posts.take(0.0)
            since = time.time()
            without = until(posts, lambda one: one.vantage == "node-b" and one.sent > since)
            assert {one.vantage for one in without} == {"node-b"}
            gone.clear()
            # What it has seen meanwhile is told as soon as it can be reached.
            back = until(posts, lambda one: one.vantage == "node-a")
            assert min(one.sent for one in back if one.vantage == "node-a") < time.time() - 0.5
        assert [one.name for one in posts.observers] == ["agent on node node-a", "agent on node node-b"]
        assert all(one.slots for one in posts.observers)


def test_where_no_node_can_be_asked_from_any_more_the_watch_ends(port: int) -> None:
    gone: list[bool] = []
    with api_server({"agent-a": port}, refusing(gone)) as api, DnsServer(HONEST) as server:
        inside = Inside(Agents(lambda: [Agent(api, "agents", "agent-a", TOKEN, "node-a")], 5.0), 5.0)
        with EveryNode(inside, [server], [NAME], Timings(api=0.5)) as posts:
            until(posts, lambda one: one.vantage == "node-a")
            gone.append(True)
            with pytest.raises(ClusterError) as caught:
                until(posts, lambda _: False)
    assert str(caught.value).startswith("no node can be asked from any more, last: no agent answered for 1 s, last: ")


def test_nodes_ask_less_often_the_more_there_are() -> None:
    assert gentle_slot(0.05, nodes=3, servers=3, questions=10) == 0.05
    assert gentle_slot(0.05, nodes=1000, servers=3, questions=10) == 12.0
