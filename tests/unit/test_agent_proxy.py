"""Asking through the API server's Pod proxy: who is asked in whose stead, and by which clock times are told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from agent_process import TOKEN, agent_process, api_server, refuse
from dns_server import DnsServer, records
from kube_dns_conformance.agent.exchange import Request
from kube_dns_conformance.agent.proxy import Agent, AgentGoneError, Agents
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.inside import Inside

WEB = Question("web.test.", "A")
THREE = records({"web.test. A": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]})
NOBODY = Request("127.0.0.1", 1, "udp", bytes(12), 1.0)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with agent_process(tmp_path_factory.mktemp("agent")) as port:
        yield port


def test_a_question_is_judged_alike_wherever_it_was_carried_from(port: int) -> None:
    with api_server({"agent-a": port}) as api, DnsServer(THREE) as server:
        agents = Agents(lambda: [Agent(api, "agents", "agent-a", TOKEN, "worker2")], 5.0)
        before = time.time()
        udp, tcp, absent = Inside(agents, 20.0).ask(
            [(WEB, server, "udp"), (WEB, server, "tcp"), (Question("db.test.", "A"), server, "udp")]
        )
        after = time.time()
    assert [record.rdata for record in udp.records] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert [record.rdata for record in tcp.records] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert (absent.rcode, absent.negative_ttl) == ("NXDOMAIN", 5)
    assert before - 0.5 <= udp.sent <= after + 0.5
    assert agents.name == "agent on node worker2"


def test_the_token_travels_and_the_credentials_of_the_user_do_not_stop_it(port: int) -> None:
    seen: list[tuple[str | None, str | None]] = []

    def note(request: BaseHTTPRequestHandler) -> bool:
        seen.append((request.headers["authorization"], request.headers["Kdc-Token"]))
        return False

    with api_server({"agent-a": port}, note) as api:
        assert Agent(api, "agents", "agent-a", TOKEN).facts().hostname
    assert seen == [("Bearer of-the-user", TOKEN)]


def test_large_batches_are_cut_into_pieces_and_come_back_in_order(port: int) -> None:
    with api_server({"agent-a": port}) as api, DnsServer(lambda query, transport: query) as server:
        wires = [index.to_bytes(2, "big") + bytes(10) for index in range(2500)]
        requests = [Request(server.host, server.port, "udp", wire, 30.0) for wire in wires]
        got = Agent(api, "agents", "agent-a", TOKEN).exchange(requests)
    assert [one.wire for one in got] == wires


def test_a_flight_is_cut_into_pieces_that_do_not_take_long(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube_dns_conformance.agent.proxy.FLIGHT_SECONDS", 0.05)
    paths: list[str] = []

    def note(request: BaseHTTPRequestHandler) -> bool:
        paths.append(request.path.rpartition("/")[2])
        return False

    with api_server({"agent-a": port}, note) as api, DnsServer(lambda query, transport: query) as server:
        wires = [bytes(12) + bytes([1, index]) + b"\0\0\1\0\1" for index in range(97, 109)]
        requests = [Request(server.host, server.port, "udp", wire, 30.0) for wire in wires]
        agents = Agents(lambda: [Agent(api, "agents", "agent-a", TOKEN)], 5.0)
        got = dict(Inside(agents, 20.0).flights(100.0)(requests))
    assert [got[index].wire for index in range(len(wires))] == wires
    assert paths == ["fly", "fly", "fly"]  # of twelve, five at a time


def test_names_are_resolved_in_the_pod(port: int) -> None:
    with api_server({"agent-a": port}) as api:
        before = time.time()
        (got,) = Agent(api, "agents", "agent-a", TOKEN).resolve(["localhost"], "ipv4")
    assert (got.name, got.addresses, got.error) == ("localhost", ("127.0.0.1",), "")
    assert before - 0.5 <= got.sent <= time.time() + 0.5


def test_another_agent_is_asked_when_the_first_is_evicted(port: int) -> None:
    with api_server({"agent-b": port}) as api:
        both = [Agent(api, "agents", name, TOKEN, f"on-{name}") for name in ("agent-a", "agent-b")]
        agents = Agents(lambda: both, 5.0)
        assert [one.problem for one in agents.exchange([NOBODY])] == ["connection refused"]
        assert agents.name == "agent on node on-agent-b"
        assert [one.pod for one in agents.ready()] == ["agent-b", "agent-a"]


def test_an_agent_that_cannot_be_reached_or_answers_half_is_gone(port: int) -> None:
    with api_server({"agent-a": 1}) as api, pytest.raises(AgentGoneError, match="cannot be reached: 503 error trying"):
        Agent(api, "agents", "agent-a", TOKEN).exchange([NOBODY])
    with api_server({"agent-a": port}, cut_at=40) as api, pytest.raises(AgentGoneError, match="was cut off"):
        Agent(api, "agents", "agent-a", TOKEN).exchange([NOBODY])


def test_what_was_cut_off_is_asked_of_the_same_agent_again(port: int) -> None:
    asked: list[str] = []

    def hang_up(request: BaseHTTPRequestHandler) -> bool:
        asked.append(request.path.split("/")[6])
        if len(asked) > 1:
            return False
        request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf of it")
        request.wfile.flush()
        request.close_connection = True
        return True

    with api_server({"agent-a": port, "agent-b": port}, hang_up) as api:
        agents = Agents(lambda: [Agent(api, "agents", name, TOKEN) for name in ("agent-a", "agent-b")], 20.0)
        assert [one.problem for one in agents.exchange([NOBODY])] == ["connection refused"]
    assert asked == ["agent-a:8765", "agent-a:8765"]


def test_an_api_server_that_restarts_is_asked_again(port: int) -> None:
    asked: list[str] = []

    def away(request: BaseHTTPRequestHandler) -> bool:
        asked.append(request.path)
        return len(asked) < 3 and refuse(request, 503, "apiserver is shutting down")

    with api_server({"agent-a": port}, away) as api:
        agents = Agents(lambda: [Agent(api, "agents", "agent-a", TOKEN)], 20.0)
        assert [one.problem for one in agents.exchange([NOBODY])] == ["connection refused"]
    assert len(asked) == 3


def test_an_api_server_that_has_not_read_its_roles_yet_is_asked_again(port: int) -> None:
    asked: list[str] = []

    def forget(request: BaseHTTPRequestHandler) -> bool:
        asked.append(request.path)
        return 2 <= len(asked) <= 3 and refuse(request, 403, "forbidden")

    with api_server({"agent-a": port, "agent-b": port}, forget) as api:
        agents = Agents(lambda: [Agent(api, "agents", name, TOKEN) for name in ("agent-a", "agent-b")], 20.0)
        for _ in range(2):
            assert [one.problem for one in agents.exchange([NOBODY])] == ["connection refused"]
    assert len(asked) == 4


def test_without_any_agent_nothing_is_judged() -> None:
    with api_server({}) as api, pytest.raises(ClusterError) as caught:
        Agents(lambda: [Agent(api, "agents", "agent-a", TOKEN)], 0.1).exchange([NOBODY])
    assert str(caught.value) == (
        'no agent answered for 0.1 s, last: agent agent-a cannot be reached: 404 pods "agent-a" not found'
    )
    with pytest.raises(ClusterError, match="there is no agent Pod that is ready"):
        Agents(list, 0.1).exchange([NOBODY])


def test_a_user_who_may_not_use_the_proxy_is_told_at_once_what_is_needed(port: int) -> None:
    def forbid(request: BaseHTTPRequestHandler) -> bool:
        return refuse(request, 403, 'pods "agent-a" is forbidden')

    with api_server({"agent-a": port}, forbid) as api, pytest.raises(ClusterError) as caught:
        Agents(lambda: [Agent(api, "agents", "agent-a", TOKEN)], 60.0).exchange([NOBODY])
    assert caught.value.message == 'asking from inside was refused: pods "agent-a" is forbidden'
    assert caught.value.hint == "needed: create and get of pods/proxy"


def test_what_somebody_on_the_way_refuses_is_no_word_of_the_api_server(port: int) -> None:
    def forbid(request: BaseHTTPRequestHandler) -> bool:
        request.send_error(403, "not through this gateway")
        return True

    with api_server({"agent-a": port}, forbid) as api, pytest.raises(AgentGoneError, match="cannot be reached: 403"):
        Agent(api, "agents", "agent-a", TOKEN).exchange([NOBODY])


def test_an_agent_of_another_run_is_not_mistaken_for_one_of_ours(port: int) -> None:
    with api_server({"agent-a": port}) as api, pytest.raises(ClusterError, match="agent agent-a said 403"):
        Agents(lambda: [Agent(api, "agents", "agent-a", "the-wrong-secret")], 60.0).exchange([NOBODY])


@pytest.mark.parametrize("ahead", [-3 * 3600.0, 25 * 60.0])
def test_times_are_ours_whatever_the_clock_of_the_node_says(ahead: float, tmp_path: Path) -> None:
    with agent_process(tmp_path, ahead) as port, api_server({"agent-a": port}) as api, DnsServer(THREE) as server:
        agent = Agent(api, "agents", "agent-a", TOKEN)
        before = time.time()
        (answer,) = Inside(Agents(lambda: [agent], 5.0), 20.0).ask([(WEB, server, "udp")])
        (found,) = agent.resolve(["localhost"], "ipv4")
        after = time.time()
    assert before - 0.5 <= answer.sent <= found.sent <= after + 0.5
    assert agent.clock.skew == pytest.approx(ahead, abs=0.5)
