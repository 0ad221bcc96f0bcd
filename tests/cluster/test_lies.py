"""DNS servers that lie: each lie is caught by the requirement named for it, in words that say what is wrong.

The liar is the only fake here. It stands in front of the real CoreDNS of a real cluster and changes what that one says.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from cluster.commandline import CommandLine
from dns_server import DnsServer
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.dns.ask import ask
from kube_dns_conformance.dns.model import Question, Server, Transport
from kube_dns_conformance.results import Results, Verdict

Lie = Callable[[dns.message.Message], None]
QUICK = ["--timing=propagation=1", "--timing=cache=0.1"]


def liar(upstream: Server, lie: Lie) -> DnsServer:
    """A server that asks ``upstream`` and lets ``lie`` change the answer before it is passed on."""

    def handle(wire: bytes, transport: Transport) -> bytes:
        query = dns.message.from_wire(wire)
        asked = query.question[0]
        payload = query.payload if query.edns >= 0 else None
        rdtype = dns.rdatatype.to_text(asked.rdtype)
        honest = ask(Question(str(asked.name), rdtype, payload), upstream, transport, timeout=2)
        answer = dns.message.from_wire(honest.wire)
        answer.id = query.id
        lie(answer)
        return answer.to_wire(max_size=65535)

    return DnsServer(handle)


def judge(cluster: Cluster, command: CommandLine, lie: Lie, *requirements: str) -> tuple[str, Results]:
    """What the suite says about a server with this lie: the console's text and the results."""
    with liar(cluster.dns[0], lie) as server:
        chosen = [f"--requirement={one}" for one in requirements]
        done, results = command.judge(cluster, f"--dns-server={server.host}:{server.port}", *QUICK, *chosen)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout, results


def accused(results: Results) -> set[str]:
    return {one for one, verdict in results.by_requirement().items() if verdict is Verdict.NONCONFORMANT}


def neutral(text: str) -> str:
    """The text with what differs from run to run replaced."""
    text = re.sub(r"kdc-[0-9a-f]{8}", "kdc-RUN", text)
    text = re.sub(r"127\.0\.0\.1(:| -p )\d+", r"127.0.0.1\1PORT", text)
    text = re.sub(r"unchanged for \d+ s, \d+ rounds", "unchanged for N s, N rounds", text)
    return re.sub(r"\b10\.(\d+)\.\d+\.\d+", r"10.\1.x.x", text)


def failure_text(output: str, requirement: str) -> list[str]:
    lines = iter(neutral(output).splitlines())
    for line in lines:
        if line.startswith(f"NONCONFORMANT {requirement} "):
            return [line, *(following for following in iter(lambda: next(lines, ""), ""))]
    pytest.fail(f"{requirement} was not accused:\n{output}")


def test_one_record_missing(cluster: Cluster, command: CommandLine) -> None:
    def lie(answer: dns.message.Message) -> None:
        for rrset in answer.answer:
            if str(rrset.name).startswith("three.") and len(rrset) > 1:
                rrset.items.popitem()

    output, results = judge(cluster, command, lie, "clusterip.*", "headless.*", "statefulset.*", "negative.*")

    assert accused(results) == {"headless.address.ipv4", "headless.address.ipv6"}
    name = "three.kdc-RUN-headless-address"
    first, asked, expected, got, repeat = failure_text(output, "headless.address.ipv4")
    assert first == f"NONCONFORMANT headless.address.ipv4 (2.4.1, MUST): {name} answers 2 of 3 expected A records"
    assert asked == f"  asked     {name}.svc.cluster.local. A → 127.0.0.1:PORT/udp (server-0) from this process"
    assert expected == "  expected  10.64.x.x 10.64.x.x 10.64.x.x"
    assert got == (
        "  got       NOERROR 10.64.x.x 10.64.x.x         missing 10.64.x.x   (unchanged for N s, N rounds, 1 server)"
    )
    assert repeat == f"  repeat    dig @127.0.0.1 -p PORT {name}.svc.cluster.local. A"


def test_a_wrong_address(cluster: Cluster, command: CommandLine) -> None:
    def lie(answer: dns.message.Message) -> None:
        for index, rrset in enumerate(answer.answer):
            if re.match(r"web\.kdc-\w+-clusterip-address\.", str(rrset.name)) and rrset.rdtype == dns.rdatatype.A:
                answer.answer[index] = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "A", "10.64.255.254")

    output, results = judge(cluster, command, lie, "clusterip.*", "headless.*", "statefulset.*", "negative.*")

    assert accused(results) == {"clusterip.address.ipv4"}
    (found,) = [one for one in results.results if one.verdict is Verdict.NONCONFORMANT]
    kinds = {one["kind"] for one in found.evidence["objects"]}
    assert kinds == {"Service", "EndpointSlice", "Deployment", "Pod"}
    name = "web.kdc-RUN-clusterip-address"
    first, _, expected, got, _ = failure_text(output, "clusterip.address.ipv4")
    assert first == (
        f"NONCONFORMANT clusterip.address.ipv4 (2.3.1, MUST): {name} answers 0 of 1 expected A records"
        " and 10.64.x.x, which must not be there"
    )
    assert expected == "  expected  10.96.x.x"
    assert got.startswith("  got       NOERROR 10.64.x.x         missing 10.96.x.x; not expected 10.64.x.x   (")


def test_a_stale_address_after_a_restart(cluster: Cluster, command: CommandLine) -> None:
    first_seen: dict[str, list[dns.rrset.RRset]] = {}

    def lie(answer: dns.message.Message) -> None:
        name = str(answer.question[0].name)
        if name.startswith("web-1.") and (answer.answer or name in first_seen):
            answer.answer = first_seen.setdefault(name, answer.answer)
            answer.set_rcode(dns.rcode.NOERROR)

    output, results = judge(cluster, command, lie, "survival.pod-restart.*")

    assert accused(results) == {"survival.pod-restart.name-follows", "survival.pod-restart.old-address-gone"}
    name = "web-1.web-headless.kdc-RUN-survival-pod-restart"
    first, _, expected, got = failure_text(output, "survival.pod-restart.old-address-gone")
    assert first == (
        f"NONCONFORMANT survival.pod-restart.old-address-gone (2.4.1, MUST): {name} still answers 10.64.x.x"
    )
    assert expected == "  expected  10.64.x.x"
    assert got == "  got       NOERROR 10.64.x.x   (answer of server-0)"
    first, *_ = failure_text(output, "survival.pod-restart.name-follows")
    assert first.endswith(f"{name} did not follow the change")


def test_a_sibling_that_blinks(cluster: Cluster, command: CommandLine) -> None:
    asked = 0

    def lie(answer: dns.message.Message) -> None:
        nonlocal asked
        if str(answer.question[0].name).startswith("web-2."):
            asked += 1
            if asked == 20:  # once, a second after the watch began
                answer.set_rcode(dns.rcode.NXDOMAIN)
                answer.answer.clear()

    output, results = judge(cluster, command, lie, "survival.pod-restart.*")

    assert accused(results) == {"survival.pod-restart.siblings-unbroken"}
    first, _, _, got = failure_text(output, "survival.pod-restart.siblings-unbroken")
    assert first.endswith("web-2.web-headless.kdc-RUN-survival-pod-restart did not keep its answer")
    assert re.fullmatch(r"  got       NXDOMAIN   \(1 of \d+ answers of server-0, the first .* s from the change\)", got)


def test_a_cut_answer_that_does_not_say_so(cluster: Cluster, command: CommandLine) -> None:
    def lie(answer: dns.message.Message) -> None:
        answer.flags &= ~dns.flags.TC

    _, results = judge(cluster, command, lie, "headless.*")

    # Fifty AAAA records do not fit into the 1232 bytes of EDNS either, fifty A records do.
    assert accused(results) == {"headless.transport.complete-over-tcp", "headless.address.ipv6"}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda wire: None, "no answer within 0.2 s"),
        (lambda wire: b"garbage", "malformed answer of 7 bytes: ShortHeader"),
        (lambda wire: bytes([wire[0] ^ 255]) + wire[1:2] + b"\x84" + wire[3:], "answer with the wrong id"),
        (lambda wire: wire[:2] + b"\x84\x00\x00\x01\x00\x01" + wire[8:], "malformed answer of"),
    ],
    ids=["silence", "garbage", "wrong-id", "cut-off"],
)
def test_a_server_that_gives_no_usable_answer(
    cluster: Cluster, command: CommandLine, broken: Callable[[bytes], bytes | None], reason: str
) -> None:
    with DnsServer(lambda wire, transport: broken(wire)) as server:
        where = f"--dns-server={server.host}:{server.port}"
        done, results = command.judge(
            cluster, where, *QUICK, "--timing=answer=0.2", "--requirement=clusterip.address.ipv4"
        )

    assert done.returncode == 1
    assert accused(results) == {"clusterip.address.ipv4"}
    first, *_ = failure_text(done.stdout, "clusterip.address.ipv4")
    assert first.startswith(
        "NONCONFORMANT clusterip.address.ipv4 (2.3.1, MUST): server-0 gives no usable answer for web."
    )
    assert reason in first


def test_the_honest_server_is_accused_of_nothing(cluster: Cluster, command: CommandLine) -> None:
    with liar(cluster.dns[0], lambda answer: None) as first, liar(cluster.dns[1], lambda answer: None) as second:
        servers = [f"--dns-server={one.host}:{one.port}" for one in (first, second)]
        done, results = command.judge(cluster, *servers)

    assert done.returncode == 0, done.stdout + done.stderr
    assert accused(results) == set()
    assert results.outcome() == "success"
