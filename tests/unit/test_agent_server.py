"""The agent as it runs in its Pod: a process of its own with the standard library alone, asked over HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_process import TOKEN, agent_process
from dns_server import DnsServer, records, reply
from kube_dns_conformance.agent import batch
from kube_dns_conformance.agent.batch import CutOffError, Head
from kube_dns_conformance.agent.exchange import Reply, Request
from kube_dns_conformance.dns.model import Transport


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with agent_process(tmp_path_factory.mktemp("agent")) as port:
        yield port


def call(
    port: int, method: str, path: str, body: bytes = b"", token: str | None = TOKEN, **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers | ({"Kdc-Token": token} if token is not None else {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ask(port: int, *requests: Request) -> list[Reply]:
    status, body = call(port, "POST", "/exchange", batch.encode_requests(requests))
    assert status == 200, body
    return [batch.decode_reply(one) for one in batch.decode_replies(body, len(requests)).replies]


def test_a_batch_comes_back_in_order_over_both_transports(port: int) -> None:
    def echo(query: bytes, transport: Transport) -> bytes:
        return query + transport.encode()

    with DnsServer(echo) as server:
        asked = [
            Request(server.host, server.port, how, bytes([0, one]) + bytes(10), 20.0)
            for one in range(200)
            for how in ("udp", "tcp")
        ]
        got = ask(port, *asked)
    assert [one.wire for one in got] == [
        bytes([0, one]) + bytes(10) + how for one in range(200) for how in (b"udp", b"tcp")
    ]
    assert {one.problem for one in got} == {None}


def test_what_goes_wrong_is_told_for_each_question_and_holds_up_no_other(port: int) -> None:
    query = bytes(12)
    with DnsServer(lambda query, transport: None) as silent, DnsServer(lambda query, transport: query) as fine:
        began = time.monotonic()
        got = ask(
            port,
            Request(silent.host, silent.port, "udp", query, 0.3),
            Request(fine.host, fine.port, "udp", query, 20.0),
            Request("127.0.0.1", 1, "udp", query, 20.0),
            Request("127.0.0.1", 1, "tcp", query, 20.0),
        )
    problems = [one.problem for one in got]
    assert problems == ["no answer within 0.3 s", None, "connection refused", "connection refused"]
    assert time.monotonic() - began < 10


def test_an_answer_cut_off_over_tcp_is_told_with_its_bytes(port: int) -> None:
    with DnsServer(lambda query, transport: [b"\x00\x64", b"half"]) as server:
        (got,) = ask(port, Request(server.host, server.port, "tcp", bytes(12), 20.0))
    assert (got.wire, got.problem) == (b"half", "connection closed after 4 of 100 bytes")


def test_answers_of_several_megabytes_come_whole(port: int) -> None:
    large = bytes(range(256)) * 255
    with DnsServer(lambda query, transport: large) as server:
        got = ask(port, *[Request(server.host, server.port, "tcp", bytes(12), 30.0)] * 100)
    assert {one.wire for one in got} == {large}


def test_a_flight_comes_back_with_what_was_answered(port: int) -> None:
    query = bytes(12) + b"\x03web\x04test\0\0\1\0\1"
    with DnsServer(lambda query, transport: query + b"!") as fine, DnsServer(lambda *_: None) as silent:
        asked = [Request(one.host, one.port, "udp", query, 0.5) for one in (fine, silent, fine)]
        status, body = call(port, "POST", "/fly", batch.encode_flight(asked, 100.0))
    assert status == 200, body
    got = [batch.decode_reply(one) for one in batch.decode_replies(body, 3).replies]
    answered, lost = (query + b"!", None), (b"", "no answer within 0.5 s")
    assert [(one.wire, one.problem) for one in got] == [answered, lost, answered]


def test_it_speaks_ipv6(port: int) -> None:
    with DnsServer(lambda query, transport: query, host="::1") as server:
        got = ask(port, *(Request("::1", server.port, how, bytes(12), 20.0) for how in ("udp", "tcp")))
    assert [one.wire for one in got] == [bytes(12)] * 2


@pytest.mark.parametrize("token", [None, "", "a-secret-of-the-tesT", TOKEN + "x", "\xe4"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/exchange"), ("POST", "/resolve"), ("GET", "/facts")])
def test_nobody_without_the_token_makes_it_do_anything(port: int, token: str | None, method: str, path: str) -> None:
    assert call(port, method, path, b"[]", token) == (403, b"")


def test_the_kubelet_needs_no_token_to_see_that_it_is_ready(port: int) -> None:
    assert call(port, "GET", "/ready", token=None) == (200, b"ready\n")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"{}",
        b"[1]",
        b"[[]]",
        b'[["127.0.0.1", 53, "sctp", "AAAA", 1]]',
        b'[["127.0.0.1", 0, "udp", "AAAA", 1]]',
        b'[["127.0.0.1", 65536, "udp", "AAAA", 1]]',
        b'[["127.0.0.1", 53, "udp", "AAAA", 61]]',
        b'[["127.0.0.1", 53, "udp", "AAAA", 0]]',
        b'[["127.0.0.1", 53, "udp", "not base64!", 1]]',
        b"[" + b"[]," * 6000 + b"[]]",
        json.dumps([["127.0.0.1", 53, "udp", base64.b64encode(bytes(65536)).decode(), 1]]).encode(),
    ],
)
def test_what_is_no_batch_is_refused(port: int, body: bytes) -> None:
    status, _ = call(port, "POST", "/exchange", body)
    assert status == 400


def test_a_body_without_end_is_refused_before_it_is_read(port: int) -> None:
    status, _ = call(port, "POST", "/exchange", b"", **{"Content-Length": str(10**12)})
    assert status == 413


def test_an_unknown_path_is_refused(port: int) -> None:
    assert call(port, "POST", "/run", b"[]")[0] == 404
    assert call(port, "GET", "/etc/passwd")[0] == 404


def test_names_are_resolved_the_way_programs_here_resolve_them(port: int) -> None:
    names = [["localhost", "ipv4"], ["127.1.2.3", "any"], ["no-such-host.invalid", "any"], ["\xe4" * 70, "any"]]
    status, body = call(port, "POST", "/resolve", json.dumps(names).encode())
    found = batch.decode_replies(body, 4).replies
    assert status == 200
    assert [(one[0], one[3], bool(one[5])) for one in found] == [
        ("localhost", ["127.0.0.1"], False),
        ("127.1.2.3", ["127.1.2.3"], False),
        ("no-such-host.invalid", [], True),
        ("\xe4" * 70, [], True),
    ]
    assert found[2][5].startswith("EAI_")


def test_it_tells_the_facts_of_its_pod(port: int) -> None:
    status, body = call(port, "GET", "/facts")
    hostname, _, _, hosts, libc = json.loads(body)
    assert status == 200
    assert hostname
    assert "localhost" in hosts
    assert libc in {"glibc", "musl"}


def test_it_does_not_start_without_a_secret() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kube_dns_conformance.agent.server"],
        env={"KDC_TOKEN": "short"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert "KDC_TOKEN must be set" in done.stderr


def test_thousands_of_questions_are_carried_in_one_batch(port: int) -> None:
    with DnsServer(records({"web.test. A": ["10.0.0.1"]})) as server:
        query = reply_query()
        got = ask(port, *[Request(server.host, server.port, "udp", query, 30.0)] * 3000)
    assert {one.wire for one in got} == {reply(query, "10.0.0.1")}


def reply_query() -> bytes:
    return b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03web\x04test\x00\x00\x01\x00\x01"


REQUESTS = st.builds(
    Request,
    host=st.text(max_size=40),
    port=st.integers(1, 65535),
    transport=st.sampled_from(["udp", "tcp"]),
    wire=st.binary(max_size=300),
    timeout=st.floats(0.001, 60.0),
)
REPLIES = st.builds(
    Reply,
    sent=st.floats(0, 1e10),
    seconds=st.floats(0, 1e5),
    wire=st.binary(max_size=300),
    problem=st.none() | st.text(max_size=40),
    strays=st.lists(st.text(max_size=20), max_size=3).map(tuple),
)
HEAD = Head("abcd", 5.0, 1e9)


@given(st.lists(REQUESTS, max_size=5))
def test_requests_survive_the_way(requests: list[Request]) -> None:
    assert batch.decode_requests(batch.encode_requests(requests)) == requests


@given(st.lists(REPLIES, max_size=5))
def test_replies_survive_the_way(replies: list[Reply]) -> None:
    sent = b"".join([batch.encode_head(HEAD), *map(batch.encode_reply, replies), batch.encode_tail(7.0)])
    taken = batch.decode_replies(sent, len(replies))
    assert (taken.head, taken.ended) == (HEAD, 7.0)
    assert [batch.decode_reply(one) for one in taken.replies] == replies


@given(st.lists(REPLIES, max_size=3), st.data())
def test_wherever_the_replies_are_cut_off_it_is_noticed(replies: list[Reply], data: st.DataObject) -> None:
    sent = b"".join([batch.encode_head(HEAD), *map(batch.encode_reply, replies), batch.encode_tail(7.0)])
    cut = data.draw(st.integers(0, len(sent) - 2))  # without the last line feed it is still whole
    with pytest.raises(CutOffError, match=f" of {len(replies)} replies came"):
        batch.decode_replies(sent[:cut], len(replies))
