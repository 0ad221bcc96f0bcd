"""Asking: what servers do, well or badly, becomes an answer and never an exception."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import DnsServer, Handler, framed, records, reply
from kube_dns_conformance.agent.exchange import Reply as Said
from kube_dns_conformance.agent.exchange import Request
from kube_dns_conformance.dns import ask as ask_module
from kube_dns_conformance.dns.ask import ask, ask_all, message
from kube_dns_conformance.dns.model import Answer, Question, Record, Server, Transport, repeat_command

WEB = Question("web.test.", "A")
BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])
THREE = records({"web.test. A": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]})


def answer(handler: Handler, question: Question = WEB, transport: Transport = "udp", timeout: float = 20.0) -> Answer:
    with DnsServer(handler) as server:
        return ask(question, server, transport, timeout=timeout)


def rdata(got: Answer) -> list[str]:
    return [record.rdata for record in got.records]


@BOTH
def test_an_honest_answer_has_rcode_records_and_time(transport: Transport) -> None:
    before = time.time()
    got = answer(THREE, transport=transport)
    assert (got.rcode, got.problem, got.truncated, got.transport) == ("NOERROR", None, False, transport)
    assert got.records == tuple(Record("web.test.", "A", 5, f"10.0.0.{last}") for last in (1, 2, 3))
    assert before <= got.sent <= time.time()
    assert 0 < got.seconds < 20


@BOTH
def test_a_denial_has_its_rcode_and_how_long_it_may_be_kept(transport: Transport) -> None:
    got = answer(THREE, Question("nobody.test.", "A"), transport)
    assert (got.rcode, got.records, got.negative_ttl) == ("NXDOMAIN", (), 5)


def test_a_name_without_the_type_is_no_denial() -> None:
    got = answer(THREE, Question("web.test.", "AAAA"))
    assert (got.rcode, got.records, got.negative_ttl) == ("NOERROR", (), 5)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"])
def test_a_server_that_refuses_is_quoted(rcode: str) -> None:
    assert answer(lambda query, transport: reply(query, rcode=rcode)).rcode == rcode


def test_a_refusal_without_a_question_is_a_refusal() -> None:
    def without_question(query: bytes, transport: Transport) -> bytes:
        return query[:2] + b"\x81\x05" + bytes(8)

    assert answer(without_question).rcode == "REFUSED"


@BOTH
def test_silence_is_a_problem_after_the_time_given(transport: Transport) -> None:
    got = answer(lambda query, transport: None, transport=transport, timeout=0.05)
    assert (got.rcode, got.problem) == (None, "no answer within 0.05 s")
    assert 0.05 <= got.seconds < 2


@BOTH
def test_a_port_where_nobody_listens_is_told_from_silence(transport: Transport) -> None:
    assert ask(WEB, Server("dns-0", "127.0.0.1", 1), transport, timeout=20.0).problem == "connection refused"


@BOTH
@pytest.mark.parametrize(
    ("bytes_sent", "problem"),
    [
        (b"", "malformed answer of 0 bytes: ShortHeader"),
        (b"garbage", "malformed answer of 7 bytes: ShortHeader"),
        (b"\x00" * 11, "malformed answer of 11 bytes: ShortHeader"),
        (b"\xff" * 40, "malformed answer of 40 bytes: BadPointer"),
    ],
)
def test_garbage_is_a_problem_and_is_kept(transport: Transport, bytes_sent: bytes, problem: str) -> None:
    got = answer(lambda query, transport: bytes_sent, transport=transport, timeout=1.5)
    assert (got.problem or "").startswith(problem)
    assert (got.rcode, got.records, got.wire) == (None, (), bytes_sent)


@BOTH
def test_another_id_is_a_problem(transport: Transport) -> None:
    def other_id(query: bytes, transport: Transport) -> bytes:
        return bytes([query[0] ^ 1]) + reply(query, "10.0.0.1")[1:]

    assert answer(other_id, transport=transport, timeout=1.5).problem == "answer with the wrong id"


@BOTH
def test_the_question_sent_back_is_a_problem(transport: Transport) -> None:
    got = answer(lambda query, transport: query, transport=transport)
    assert got.problem == "the question came back instead of an answer"


@BOTH
@pytest.mark.parametrize(
    ("other", "named"),
    [(Question("db.test.", "A"), "db.test. IN A"), (Question("web.test.", "AAAA"), "web.test. IN AAAA")],
)
def test_another_questions_answer_is_a_problem(transport: Transport, other: Question, named: str) -> None:
    def swap(query: bytes, transport: Transport) -> bytes:
        asked = dns.message.make_query(other.name, other.rdtype, id=int.from_bytes(query[:2], "big"))
        return reply(asked.to_wire())

    assert answer(swap, transport=transport).problem == f"answer to another question: {named}"


def test_an_answer_to_no_question_is_a_problem() -> None:
    got = answer(lambda query, transport: query[:2] + b"\x84\x00" + bytes(8))
    assert got.problem == "answer to another question: none"


def test_the_question_may_come_back_in_other_letters() -> None:
    got = answer(lambda query, transport: reply(query, "10.0.0.1").replace(b"web", b"wEB"))
    assert (got.problem, got.records) == (None, (Record("web.test.", "A", 5, "10.0.0.1"),))


@pytest.mark.parametrize("kept", [12, 20, 30, -1, -5])
def test_a_message_cut_off_in_the_middle_is_a_problem(kept: int) -> None:
    got = answer(lambda query, transport: THREE(query, transport)[:kept])  # type: ignore[index]
    assert (got.problem or "").startswith(f"malformed answer of {len(got.wire)} bytes: ")
    assert got.records == ()


def test_bytes_behind_the_end_are_a_problem() -> None:
    got = answer(lambda query, transport: reply(query, "10.0.0.1") + b"more")
    assert (got.problem or "").startswith(f"malformed answer of {len(got.wire)} bytes: TrailingJunk")


def test_truncation_is_told_and_the_rest_comes_over_tcp() -> None:
    fifty = {"web.test. A": [f"10.0.0.{last}" for last in range(50)]}
    question = Question("web.test.", "A", udp_payload=None)
    with DnsServer(records(fifty)) as server:
        cut, whole = ask_all([(question, server, "udp"), (question, server, "tcp")], 20.0)
    assert (cut.truncated, cut.records) == (True, ())
    assert (whole.truncated, rdata(whole)) == (False, fifty["web.test. A"])


@pytest.mark.parametrize(("payload", "truncated"), [(None, True), (512, True), (1232, False), (4096, False)])
def test_the_offered_size_is_what_the_server_is_told(payload: int | None, truncated: bool) -> None:
    fifty = records({"web.test. A": [f"10.0.0.{last}" for last in range(50)]})
    assert answer(fifty, Question("web.test.", "A", payload)).truncated is truncated


def test_without_edns_the_question_has_no_opt_record() -> None:
    offered: list[int] = []

    def note(query: bytes, transport: Transport) -> bytes:
        offered.append(dns.message.from_wire(query).edns)
        return reply(query)

    answer(note, Question("web.test.", "A", None))
    answer(note, Question("web.test.", "A", 1232))
    assert offered == [-1, 0]


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        ([b""], "connection closed after 0 of 2 bytes"),
        ([b"\x01"], "connection closed after 1 of 2 bytes"),
        ([b"\x00\x64", b"half"], "connection closed after 4 of 100 bytes"),
        ([b"\x00\x00"], "malformed answer of 0 bytes: ShortHeader"),
    ],
)
def test_tcp_that_closes_half_way_is_a_problem(pieces: list[bytes], problem: str) -> None:
    got = answer(lambda query, transport: pieces, transport="tcp")
    assert (got.problem or "").startswith(problem)


def test_tcp_that_comes_in_pieces_is_put_together() -> None:
    def piecewise(query: bytes, transport: Transport) -> Iterator[bytes]:
        return (bytes([one]) for one in framed(reply(query, "10.0.0.1")))

    assert rdata(answer(piecewise, transport="tcp")) == ["10.0.0.1"]


@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_tcp_that_drips_has_no_more_time_than_silence(pause: float) -> None:
    ended = threading.Event()

    def drip(query: bytes, transport: Transport) -> Iterator[bytes]:
        yield b"\xff\xff"
        while not ended.wait(pause):
            yield b"."

    with DnsServer(drip) as server:
        got = ask(WEB, server, "tcp", timeout=0.05)
        ended.set()
    assert got.problem == "no answer within 0.05 s"
    assert got.seconds < 2


@BOTH
def test_duplicates_order_and_differing_ttls_are_kept(transport: Transport) -> None:
    def odd(query: bytes, transport: Transport) -> bytes:
        wire = bytearray(reply(query, "10.0.0.2", "10.0.0.1", "10.0.0.2", ttl=5))
        last_ttl = wire.rindex(b"\x00\x00\x00\x05\x00\x04")
        wire[last_ttl : last_ttl + 4] = b"\x00\x00\x00\x09"
        return bytes(wire)

    got = answer(odd, transport=transport)
    assert [(one.rdata, one.ttl) for one in got.records] == [("10.0.0.2", 5), ("10.0.0.1", 5), ("10.0.0.2", 9)]


def test_three_thousand_records_arrive_over_tcp() -> None:
    many = [f"10.1.{one // 256}.{one % 256}" for one in range(3000)]
    got = answer(lambda query, transport: reply(query, *many), transport="tcp")
    assert rdata(got) == many
    assert got.size > 48_000


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (r"we\000b.test.", r"we\000b.test."),
        (r"w\.b.test.", r"w\.b.test."),
        (r"\027\091\051\049m.test.", r"\027[31m.test."),
        (r"\195\169.test.", r"\195\169.test."),
        ("WEB.Test.", "web.test."),
    ],
)
def test_odd_bytes_in_names_are_escaped_and_letters_folded(name: str, shown: str) -> None:
    got = answer(lambda query, transport: reply(query, "10.0.0.1"), Question(name, "A"))
    assert got.records == (Record(shown, "A", 5, "10.0.0.1"),)


def test_odd_bytes_in_texts_are_escaped() -> None:
    got = answer(lambda query, transport: reply(query, r'"\027[31m\000\255 ok"'), Question("web.test.", "TXT"))
    assert rdata(got) == [r'"\027[31m\000\255 ok"']


def test_srv_records_keep_all_their_fields() -> None:
    got = answer(lambda query, transport: reply(query, "0 33 80 WEB-0.test."), Question("_http._tcp.test.", "SRV"))
    assert rdata(got) == ["0 33 80 web-0.test."]


@given(st.lists(st.tuples(st.integers(2, 160), st.integers(0, 255)), min_size=1, max_size=4))
def test_whatever_bytes_are_changed_there_is_an_answer_or_a_problem(changes: list[tuple[int, int]]) -> None:
    def damage(query: bytes, transport: Transport) -> bytes:
        wire = bytearray(reply(query, "0 0 80 web-0.test.", "0 0 80 web-1.test.", soa=True))
        for place, byte in changes:
            wire[min(place, len(wire) - 1)] = byte
        return bytes(wire)

    got = answer(damage, Question("_http._tcp.web.test.", "SRV"))
    assert (got.rcode is None) is (got.problem is not None)
    assert got.said()
    assert got.as_data()["wire" if got.problem else "answer"] is not None


def test_a_batch_is_answered_in_the_order_of_its_questions() -> None:
    table = {f"web-{one}.test. A": [f"10.0.0.{one}"] for one in range(40)}
    with DnsServer(records(table)) as server:
        got = ask_all([(Question(f"web-{one}.test.", "A"), server, "udp") for one in range(40)], 20.0)
    assert [rdata(one) for one in got] == [[f"10.0.0.{one}"] for one in range(40)]


def test_one_silent_server_does_not_hold_up_the_others_of_a_batch() -> None:
    with DnsServer(THREE) as honest, DnsServer(lambda query, transport: None) as silent:
        began = time.monotonic()
        got = ask_all([(WEB, server, "udp") for server in (silent, honest) * 8], 0.5)
    assert time.monotonic() - began < 8 * 0.5
    assert [one.rcode for one in got] == [None, "NOERROR"] * 8


def test_servers_are_asked_over_ipv6_as_well() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with DnsServer(THREE, host="::1") as server:
        got = ask_all([(WEB, server, "udp"), (WEB, server, "tcp")], 20.0)
    assert [len(one.records) for one in got] == [3, 3]


def test_an_observation_is_written_with_all_that_was_seen() -> None:
    got = answer(records({"web.test. A": ["10.0.0.1"]}))
    data = got.as_data()
    assert {key: data[key] for key in ("name", "type", "server", "transport", "rcode", "answer")} == {
        "name": "web.test.",
        "type": "A",
        "server": "dns-0",
        "transport": "udp",
        "rcode": "NOERROR",
        "answer": ["5 A 10.0.0.1"],
    }
    assert data["address"] == str(got.server)
    assert "problem" not in data


def test_a_problem_is_written_with_its_bytes() -> None:
    data = answer(lambda query, transport: b"garbage").as_data()
    assert (data["rcode"], data["wire"]) == (None, "67617262616765")


@pytest.mark.parametrize(
    ("question", "server", "transport", "command"),
    [
        (WEB, Server("a", "10.96.0.10"), "udp", "dig @10.96.0.10 web.test. A"),
        (WEB, Server("a", "::1", 5353), "tcp", "dig @::1 -p 5353 web.test. A +tcp"),
        (Question("web.test.", "SRV", None), Server("a", "10.0.0.1"), "udp", "dig @10.0.0.1 web.test. SRV +noedns"),
        (Question("web.test.", "A", 4096), Server("a", "10.0.0.1"), "udp", "dig @10.0.0.1 web.test. A +bufsize=4096"),
        (
            Question("web.test.", "A", edns_version=1, edns_option=65001),
            Server("a", "10.0.0.1"),
            "pipelined",
            "dig @10.0.0.1 web.test. A +tcp +edns=1 +noednsnegotiation +ednsopt=65001",
        ),
    ],
)
def test_the_command_to_repeat_it_by_hand(
    question: Question, server: Server, transport: Transport, command: str
) -> None:
    assert repeat_command(question, server, transport) == command


NAMES = [Question(f"web-{index}.test.", "A") for index in range(5)]
FIVE = records({f"{one}": [f"10.0.0.{index}"] for index, one in enumerate(NAMES)})


def test_pipelined_questions_share_a_connection_and_each_gets_its_own_answer() -> None:
    with DnsServer(FIVE) as server:
        got = ask_all([(one, server, "pipelined") for one in NAMES] + [(WEB, server, "udp")], 20.0)
    assert [rdata(one) for one in got] == [["10.0.0.0"], ["10.0.0.1"], ["10.0.0.2"], ["10.0.0.3"], ["10.0.0.4"], []]


def test_pipelined_answers_may_come_in_another_order() -> None:
    class Backwards(DnsServer):
        def _converse(self, connection: socket.socket) -> None:
            with connection, connection.makefile("rb") as incoming:
                queries = [incoming.read(int.from_bytes(incoming.read(2), "big")) for _ in NAMES]
                for query in reversed(queries):
                    connection.sendall(framed(FIVE(query, "tcp")))  # type: ignore[arg-type]
            self._connections.discard(connection)

    with Backwards(FIVE) as server:
        got = ask_all([(one, server, "pipelined") for one in NAMES], 20.0)
    assert [rdata(one) for one in got] == [["10.0.0.0"], ["10.0.0.1"], ["10.0.0.2"], ["10.0.0.3"], ["10.0.0.4"]]


def test_a_server_that_closes_after_the_first_pipelined_question_owes_the_others() -> None:
    with DnsServer(lambda query, transport: [framed(FIVE(query, transport))]) as server:  # type: ignore[arg-type]
        got = ask_all([(one, server, "pipelined") for one in NAMES], 20.0)
    assert rdata(got[0]) == ["10.0.0.0"]
    assert {one.problem for one in got[1:]} <= {"connection closed after 0 of 2 bytes", "Connection reset by peer"}
    assert all(one.problem for one in got[1:])


def test_what_the_message_says_of_itself_is_kept() -> None:
    got = answer(THREE, Question("WEB.test.", "A"))
    assert (got.edns_version, got.echoed, got.authoritative) == (0, "WEB.test.", False)
    assert answer(THREE, Question("web.test.", "A", None)).edns_version is None


def test_edns_is_asked_for_in_the_version_and_with_the_option_that_was_said() -> None:
    heard: list[dns.message.Message] = []

    def hear(query: bytes, transport: Transport) -> bytes:
        heard.append(dns.message.from_wire(query))
        return reply(query, "10.0.0.1")

    answer(hear, Question("web.test.", "A", edns_version=1, edns_option=65001))
    assert (heard[0].edns, [int(one.otype) for one in heard[0].options]) == (1, [65001])


@given(st.lists(st.tuples(st.integers(2, 60), st.integers(0, 255)), min_size=1, max_size=8))
def test_what_was_said_before_changes_nothing_of_what_is_said_now(changes: list[tuple[int, int]]) -> None:
    """Answers that are alike are parsed once; those that differ in any byte are other answers."""

    def said(*wires: bytes) -> list[Answer]:
        def carry(requests: Sequence[Request]) -> list[Said]:
            return [Said(7.0, 0.5, one.wire[:2] + wire[2:]) for one, wire in zip(requests, wires, strict=True)]

        got = ask_all([(WEB, Server("dns-0", "10.0.0.1"), "tcp") for _ in wires], 1.0, carry)
        return [replace(one, wire=one.wire[2:]) for one in got]

    right = reply(message(WEB), "10.0.0.1")
    wires = [right, *(right[:at] + bytes([byte]) + right[at + 1 :] for at, byte in changes), right]
    together = said(*wires)
    for one, wire in zip(together, wires, strict=True):
        ask_module._parsed_once.cache_clear()
        assert said(wire) == [one]


def test_an_answer_with_another_id_is_none_though_it_was_right_for_another_question() -> None:
    def carry(requests: Sequence[Request]) -> list[Said]:
        right = reply(requests[0].wire, "10.0.0.1")
        return [Said(0.0, 0.0, right), Said(0.0, 0.0, bytes([requests[1].wire[0] ^ 1, *right[1:]]))]

    first, second = ask_all(
        [(WEB, Server("dns-0", "10.0.0.1"), "tcp"), (WEB, Server("dns-1", "10.0.0.2"), "tcp")], 1.0, carry
    )
    assert first.problem is None
    assert second.problem == "answer with the wrong id"
