"""Carrying bytes: what is no answer to the question is noted, and never taken for one."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import DnsServer, reply
from kube_dns_conformance.agent.exchange import Reply, Request, exchange, framed
from kube_dns_conformance.dns.ask import ask as ask_dns
from kube_dns_conformance.dns.model import Question, Server, Transport
from kube_dns_conformance.errors import ClusterError

QUERY = b"\x12\x34" + bytes(10)
RIGHT = b"\x12\x34\x80" + bytes(9)
LATE = b"\x99\x99\x80" + bytes(9)
Say = Callable[[socket.socket, socket.socket, tuple[str, int]], object]


@contextmanager
def udp(say: Say) -> Iterator[int]:
    """A server with a second socket beside it; ``say`` sends to the client what it likes from either."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        asked.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=lambda: say(asked, other, asked.recvfrom(65535)[1]))
        thread.start()
        yield asked.getsockname()[1]
        thread.join()


def ask(say: Say, timeout: float = 20.0) -> Reply:
    with udp(say) as port:
        return exchange(Request("127.0.0.1", port, "udp", QUERY, timeout))


def test_a_datagram_from_another_source_is_noted_and_passed_over() -> None:
    def say(asked: socket.socket, other: socket.socket, client: tuple[str, int]) -> None:
        other.sendto(RIGHT, client)
        asked.sendto(RIGHT + b"!", client)

    got = ask(say)
    assert (got.wire, got.problem) == (RIGHT + b"!", None)
    assert [one.split(" port ")[0] for one in got.strays] == ["12 bytes from 127.0.0.1"]


def test_an_answer_that_comes_only_from_another_source_is_no_answer() -> None:
    def say(asked: socket.socket, other: socket.socket, client: tuple[str, int]) -> None:
        other.sendto(RIGHT, client)

    got = ask(say, 1.5)
    assert got.wire == b""
    assert got.problem is not None
    assert got.problem.startswith("no answer within 1.5 s, but 12 bytes from 127.0.0.1 port ")


def test_a_late_answer_to_another_question_is_noted_and_passed_over() -> None:
    def say(asked: socket.socket, other: socket.socket, client: tuple[str, int]) -> None:
        asked.sendto(LATE, client)
        asked.sendto(RIGHT, client)

    got = ask(say)
    assert (got.wire, got.problem, got.strays) == (RIGHT, None, ("12 bytes with id 9999",))


def test_the_wrong_id_is_the_answer_when_nothing_better_comes() -> None:
    got = ask(lambda asked, other, client: asked.sendto(LATE, client), 1.5)
    assert (got.wire, got.problem) == (LATE, None)


def test_garbage_without_a_header_is_the_answer_at_once() -> None:
    got = ask(lambda asked, other, client: asked.sendto(b"what?", client))
    assert (got.wire, got.problem) == (b"what?", None)
    assert got.seconds < 10


def test_a_flood_of_strays_is_counted_out() -> None:
    def say(asked: socket.socket, other: socket.socket, client: tuple[str, int]) -> None:
        for _ in range(50):
            asked.sendto(LATE, client)
        asked.sendto(RIGHT, client)

    got = ask(say)
    assert (got.wire, len(got.strays)) == (RIGHT, 8)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_what_is_no_address_is_a_problem(transport: str) -> None:
    got = exchange(Request("dns.example", 53, transport, QUERY, 1.0))
    assert got.wire == b""
    assert got.problem


def test_a_connection_that_is_reset_is_told_from_silence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def reset() -> None:
            connection, _ = listening.accept()
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=reset)
        thread.start()
        got = exchange(Request("127.0.0.1", listening.getsockname()[1], "tcp", QUERY, 20.0))
        thread.join()
    assert got.problem == "Connection reset by peer"


def test_the_time_of_asking_is_told_by_the_clock_that_was_given() -> None:
    got = exchange(Request("127.0.0.1", 1, "udp", QUERY, 1.0), clock=lambda: 42.5)
    assert (got.sent, got.problem) == (42.5, "connection refused")


@given(st.binary(max_size=65535), st.integers(1, 7))
def test_whatever_is_said_over_tcp_arrives_byte_for_byte(message: bytes, pieces: int) -> None:
    said = framed(message)
    size = max(1, -(-len(said) // pieces))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65535)
                for start in range(0, len(said), size):
                    connection.sendall(said[start : start + size])

        thread = threading.Thread(target=answer)
        thread.start()
        got = exchange(Request("127.0.0.1", listening.getsockname()[1], "tcp", QUERY, 20.0))
        thread.join()
    assert (got.wire, got.problem) == (message, None)


@pytest.mark.parametrize(("transport", "looks_before"), [("udp", 1), ("tcp", 2)])
def test_an_answer_that_lay_there_while_this_process_was_stopped_is_read(
    monkeypatch: pytest.MonkeyPatch, transport: str, looks_before: int
) -> None:
    real, looks, is_sent = time.monotonic, itertools.count(), threading.Event()

    def after_a_stop() -> float:
        if next(looks) < looks_before:  # at the time, until it has asked
            return real()
        assert is_sent.wait(30.0)
        return real() + 100

    def say(query: bytes, how: Transport) -> Iterator[bytes]:
        yield framed(reply(query, "10.0.0.1")) if how == "tcp" else reply(query, "10.0.0.1")
        is_sent.set()

    with DnsServer(say) as server:
        query = dns.message.make_query("web.", "A").to_wire()
        monkeypatch.setattr("kube_dns_conformance.agent.exchange.time.monotonic", after_a_stop)
        got = exchange(Request(server.host, server.port, transport, query, 5.0))
    assert got.problem is None
    assert dns.message.from_wire(got.wire).answer


@pytest.mark.parametrize("transport", ["tcp", "pipelined"])
def test_a_connection_on_which_this_process_was_kept_from_asking_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    connect, kept = socket.socket.connect, list[bool]()

    class Kept(socket.socket):
        """Is kept once between connecting and sending, until the server has closed."""

        def connect(self, address: Any, /) -> None:
            connect(self, address)
            if not kept:
                kept.append(True)
                time.sleep(2.0)

    query = dns.message.make_query("web.", "A").to_wire()
    wire = query if transport == "tcp" else framed(query) * 2
    with DnsServer(lambda query, how: reply(query, "10.0.0.1"), idle=0.9) as server:
        monkeypatch.setattr("kube_dns_conformance.agent.exchange.socket.socket", Kept)
        got = exchange(Request(server.host, server.port, transport, wire, 5.0))
        monkeypatch.undo()
    assert kept
    assert got.problem is None
    assert got.wire


def test_what_cannot_even_be_sent_is_not_the_servers_fault() -> None:
    got = exchange(Request("255.255.255.255", 53, "udp", QUERY, 1.0))
    assert (got.problem, got.ours) == ("Permission denied", True)
    with pytest.raises(ClusterError, match="cannot be asked from here: Permission denied"):
        ask_dns(Question("web.", "A"), Server("dns-0", "255.255.255.255"), timeout=1.0)


def test_refusal_and_silence_are_the_servers() -> None:
    assert exchange(Request("127.0.0.1", 1, "tcp", QUERY, 5.0)).ours is False
    assert ask(lambda *_: None, 0.05).ours is False
