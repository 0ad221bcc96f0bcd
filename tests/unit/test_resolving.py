"""What programs in Pods find: when it is wrong, and when it is the objects that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import pytest

from kube_dns_conformance.agent.connect import Connection
from kube_dns_conformance.agent.proxy import AgentGoneError
from kube_dns_conformance.agent.resolver import Facts, Resolution
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.judge import Judge, Nonconformant
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.resolving import (
    NODES_OWN,
    ResolvConf,
    insist_configured,
    insist_each_reached,
    insist_reached,
    insist_resolved,
)
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import ThisProcess

TIMINGS = Timings(propagation=0.05, cache=0.05, hold=0.01, api=0.2)
POLICY = ("n.svc.cluster.local", "svc.cluster.local", "cluster.local")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube_dns_conformance.resolving.ROUND_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr("kube_dns_conformance.agent.proxy.RETRY_SECONDS", 0.001)


class Agent:
    """An agent whose Pod has this resolv.conf, resolver and network; ``gone`` counts calls that do not reach it."""

    def __init__(self, resolv_conf: str = "", addresses: Callable[[], str] = str, gone: int = 0) -> None:
        self.pod, self.node = "client", "node-1"
        self.resolv_conf = resolv_conf
        self.addresses = addresses
        self.gone = gone

    def _reach(self) -> None:
        if self.gone:
            self.gone -= 1
            raise AgentGoneError("connection reset")

    def facts(self) -> Facts:
        self._reach()
        return Facts("client", "client", self.resolv_conf, "", "glibc")

    def resolve(self, names: Sequence[str]) -> list[Resolution]:
        self._reach()
        return [Resolution(name, 0.0, 0.0, tuple(self.addresses().split())) for name in names]

    def connect(self, targets: Sequence[tuple[str, int]]) -> list[Connection]:
        self._reach()
        names = self.addresses().split()
        return [_connection(names[index % len(names)]) for index, _ in enumerate(targets)]


def _connection(hostname: str) -> Connection:
    return Connection(**dict.fromkeys(Connection._fields, "") | {"hostname": hostname})


class Situated:
    """The part of a situation that is asked for an agent."""

    def __init__(self, agent: Agent) -> None:
        self.name, self.settled_at, self.timings = "resolver/x", 0.0, TIMINGS
        self._agent = agent

    def agent(self, pod: str) -> Agent:
        return self._agent


def situation(agent: Agent) -> Situation:
    return cast("Situation", Situated(agent))


def judge(confirm: Callable[[float], bool] = lambda _: False) -> Judge:
    one = catalogue()["resolver.policy.none"]
    return Judge(one, ThisProcess(1.0), [], TIMINGS, "cluster.local", confirm)


def configured(search: str, *expected: str) -> None:
    text = f"search {search}\nnameserver 10.96.0.10\noptions edns0 ndots:2\n"
    must = ResolvConf(("10.96.0.10",), expected, frozenset({"ndots:2", "edns0"}))
    insist_configured(judge(), situation(Agent(text)), "client", must)


@pytest.mark.parametrize(
    "search",
    [
        f"{' '.join(POLICY)} extra.example",
        f"{' '.join(POLICY)} eu-west-1.compute.internal extra.example",
        f"{' '.join(POLICY)} lab corp.example extra.example",
        f"{' '.join(POLICY)} extra.example lab",
    ],
)
def test_what_a_pod_adds_may_come_after_the_search_domains_of_its_node(search: str) -> None:
    configured(search, *POLICY, NODES_OWN, "extra.example")


@pytest.mark.parametrize(
    "search",
    [
        " ".join(POLICY),
        f"lab {' '.join(POLICY)} extra.example",
        f"extra.example {' '.join(POLICY)}",
        "n.svc.cluster.local lab svc.cluster.local cluster.local extra.example",
        "svc.cluster.local n.svc.cluster.local cluster.local extra.example",
    ],
)
def test_the_policys_domains_come_first_and_the_pods_own_later(search: str) -> None:
    with pytest.raises(Nonconformant):
        configured(search, *POLICY, NODES_OWN, "extra.example")


@pytest.mark.parametrize("more", ["svc.cluster.local cluster.local", "lab", "two.example"])
def test_where_nothing_else_may_be_nothing_else_is(more: str) -> None:
    configured("one.example two.example", "one.example", "two.example")
    with pytest.raises(Nonconformant) as caught:
        configured(f"one.example two.example {more}", "one.example", "two.example")
    assert f"search one.example two.example {more}, options edns0 ndots:2" in str(caught.value)


def test_other_nameservers_or_options_are_wrong() -> None:
    for text in ("nameserver 10.96.0.11\noptions ndots:2\n", "nameserver 10.96.0.10\noptions ndots:5\n"):
        must = ResolvConf(("10.96.0.10",), (), frozenset({"ndots:2"}))
        with pytest.raises(Nonconformant):
            insist_configured(judge(), situation(Agent(text)), "client", must)


class Cluster:
    """A Pod that gets another address once a verdict is about to be given; DNS follows after so many looks."""

    def __init__(self, before: str, after: str, behind: int = 0) -> None:
        self.there = self.said = before
        self.after = after
        self.behind = behind

    def change(self, _: float) -> bool:
        self.there = self.after
        return False

    def say(self) -> str:
        if self.there == self.after:
            self.behind -= 1
            if self.behind < 0:
                self.said = self.there
        return self.said


def test_a_pod_that_gets_another_address_meanwhile_is_no_fault() -> None:
    seen = Cluster("10.0.0.1", "10.0.0.2", behind=2)
    expect = lambda: {"web.": [seen.there]}  # noqa: E731
    insist_resolved(judge(seen.change), situation(Agent(addresses=seen.say)), "client", expect)
    assert seen.said == "10.0.0.2"


def test_pods_that_come_and_go_meanwhile_are_no_fault() -> None:
    seen = Cluster("web-0 web-1", "web-0 web-2")
    expect = lambda: seen.there.split()  # noqa: E731, PLW0108
    insist_reached(judge(seen.change), situation(Agent(addresses=seen.say)), "client", "web.", 80, expect)
    assert seen.said == "web-0 web-2"


def test_addresses_that_change_meanwhile_are_connected_to_as_they_are_then() -> None:
    pods: Iterator[dict[str, str]] = iter([{"10.0.0.1": "web-0"}])
    expect = lambda: next(pods, {"10.0.0.2": "web-0"})  # noqa: E731
    insist_each_reached(judge(), situation(Agent(addresses=lambda: "web-0")), "client", 80, expect)


def test_an_old_address_after_the_change_is_a_fault_all_the_same() -> None:
    seen = Cluster("10.0.0.1", "10.0.0.2", behind=10**6)
    expect = lambda: {"web.": [seen.there]}  # noqa: E731
    with pytest.raises(Nonconformant, match=r"expected  10\.0\.0\.2\n  got       10\.0\.0\.1$"):
        insist_resolved(judge(seen.change), situation(Agent(addresses=seen.say)), "client", expect)


def test_nothing_to_look_at_is_no_verdict() -> None:
    with pytest.raises(ClusterError, match="nothing is there to be found by connection from Pod client"):
        insist_each_reached(judge(), situation(Agent()), "client", 80, dict)
    with pytest.raises(ClusterError, match="nothing is there to be found by connections from Pod client"):
        insist_reached(judge(), situation(Agent()), "client", "web.", 80, list)


def test_an_agent_that_is_out_of_reach_for_a_moment_is_asked_again() -> None:
    agent = Agent(addresses=lambda: "10.0.0.1", gone=3)
    insist_resolved(judge(), situation(agent), "client", lambda: {"web.": ["10.0.0.1"]})
    assert agent.gone == 0


def test_an_agent_that_stays_out_of_reach_makes_it_unknown() -> None:
    with pytest.raises(ClusterError, match=r"no agent answered for 0\.2 s, last: connection reset"):
        insist_resolved(judge(), situation(Agent(gone=10**9)), "client", lambda: {"web.": ["10.0.0.1"]})
