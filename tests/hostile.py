"""An answer that is any bytes at all, on its way to the report: what the property tests and the fuzzer share."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kube_dns_conformance.agent.exchange import Reply, Request
from kube_dns_conformance.dns.ask import ask_all
from kube_dns_conformance.dns.compare import Expected, at_least, difference, exactly, no_data, no_such_name
from kube_dns_conformance.dns.model import Answer, Question, Server, Transport

SERVER = Server("dns-0", "127.0.0.1", 5353)
WAYS: tuple[Transport, ...] = ("udp", "tcp", "pipelined")
QUESTIONS = (
    (Question("web.test.", "A"), exactly(["10.0.0.1"])),
    (Question("_http._tcp.web.test.", "SRV"), at_least(["80 web.test."])),
    (Question("web.test.", "TXT"), no_data()),
    (Question("web.test.", "AAAA", None), no_such_name()),
)


def taken(wire: bytes, transport: Transport, question: Question) -> Answer:
    """What becomes of these bytes as the answer to this question; the id is made to fit."""

    def carry(requests: Sequence[Request]) -> list[Reply]:
        sent = requests[0].wire[2:4] if transport == "pipelined" else requests[0].wire[:2]
        message = sent + wire[2:]
        return [Reply(0.0, 0.0, len(message).to_bytes(2) + message if transport == "pipelined" else message)]

    return ask_all([(question, SERVER, transport)], 1.0, carry)[0]


def insist_on_an_end(wire: bytes) -> None:
    """These bytes must be an answer or a problem, be compared and told, and get into the report as they are."""
    for question, expected in QUESTIONS:
        for transport in WAYS:
            insist_on_evidence(taken(wire, transport, question), expected)


def insist_on_evidence(answer: Answer, expected: Expected) -> None:
    """What cannot be used is wrong, and its bytes are in the evidence."""
    found, data = difference(expected, answer), json.loads(json.dumps(answer.as_data()))
    assert (answer.rcode is None) is (answer.problem is not None)
    assert answer.said()
    assert answer.negative_ttl is None or answer.negative_ttl >= 0
    if answer.problem is not None:
        assert str(found) == answer.problem
        assert data["wire"] == answer.wire[:512].hex()
