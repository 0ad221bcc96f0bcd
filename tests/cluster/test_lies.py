"""DNS servers that lie: each lie is caught by the requirement named for it, in words that say what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from cluster.commandline import CommandLine
from cluster.lies import QUICK, accused, failure_text, honest, judge, liar
from dns_server import DnsServer
from kube_dns_conformance.agent.exchange import Request, exchange
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.dns.model import Transport
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Verdict

PORT_OF_PODS = r"_http\._tcp\.web-headless\.kdc-\w+-headless-srv\."

ALL_BUT_MOST_CHANGES = {f"{one.partition('.')[0]}.*" for one in catalogue()} - {"survival.*"} | {
    "survival.pod-restart.*"
}
"""Every change takes its time; `make conformance` judges them all, and nobody is accused there either."""


def test_one_record_missing(cluster: Cluster, command: CommandLine) -> None:
    def lie(answer: dns.message.Message) -> None:
        for rrset in answer.answer:
            if str(rrset.name).startswith("three.") and len(rrset) > 1:
                del rrset.items[min(rrset.items, key=str)]  # always the same one: the order is rotated

    output, results = judge(cluster, command, lie, "clusterip.address.*", "headless.*", "negative.*")

    assert accused(results) == {f"headless.address.{one}" for one in ("ipv4", "ipv6", "dual-stack")}
    name = "three.kdc-RUN-headless-address"
    first, asked, when, expected, got, repeat = failure_text(output, "headless.address.ipv4")
    assert first == f"NONCONFORMANT headless.address.ipv4 (2.4.1, MUST): {name} answers 2 of 3 expected A records"
    assert asked == f"  asked     {name}.svc.cluster.local. A → 127.0.0.1:PORT/udp (server-0) from this process"
    assert when == "  when      T to T, in each of N rounds, the last N s after the objects settled"
    assert expected == "  expected  10.64.x.x 10.64.x.x 10.64.x.x"
    assert got == "  got       NOERROR 10.64.x.x 10.64.x.x         missing 10.64.x.x   (1 server)"
    assert repeat == f"  repeat    dig @127.0.0.1 -p PORT {name}.svc.cluster.local. A"


@pytest.mark.release
def test_a_wrong_address(cluster: Cluster, command: CommandLine) -> None:
    def lie(answer: dns.message.Message) -> None:
        for index, rrset in enumerate(answer.answer):
            if re.match(r"web\.kdc-\w+-clusterip-address\.", str(rrset.name)) and rrset.rdtype == dns.rdatatype.A:
                answer.answer[index] = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "A", "10.64.255.254")

    output, results = judge(cluster, command, lie, "clusterip.*", "headless.address.*", "negative.*")

    assert accused(results) == {"clusterip.address.ipv4"}
    (found,) = [one for one in results.results if one.verdict is Verdict.NONCONFORMANT]
    kinds = {one["kind"] for one in found.evidence["objects"]}
    assert kinds == {"Service", "EndpointSlice", "Deployment", "Pod"}
    name = "web.kdc-RUN-clusterip-address"
    first, _, _, expected, got, _ = failure_text(output, "clusterip.address.ipv4")
    assert first == (
        f"NONCONFORMANT clusterip.address.ipv4 (2.3.1, MUST): {name} answers 0 of 1 expected A records"
        " and 10.64.x.x, which must not be there"
    )
    assert expected == "  expected  10.96.x.x"
    assert got.startswith("  got       NOERROR 10.64.x.x         missing 10.96.x.x; not expected 10.64.x.x   (")


@pytest.mark.release
def test_a_wrong_port(cluster: Cluster, command: CommandLine) -> None:
    def lie(answer: dns.message.Message) -> None:
        for index, rrset in enumerate(answer.answer):
            if rrset.rdtype == dns.rdatatype.SRV and re.match(PORT_OF_PODS, str(rrset.name)):
                texts = [f"0 10 8080 {rdata.to_text().split()[3]}" for rdata in rrset]
                answer.answer[index] = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "SRV", *texts)

    output, results = judge(cluster, command, lie, "clusterip.srv.*", "headless.*")

    assert accused(results) == {"headless.srv.every-endpoint-and-port"}
    name = "web-headless.kdc-RUN-headless-srv"
    first, _, _, expected, got, _ = failure_text(output, "headless.srv.every-endpoint-and-port")
    assert first == (
        "NONCONFORMANT headless.srv.every-endpoint-and-port (2.4.2, MUST): "
        f"_http._tcp.{name} answers 0 of 3 expected SRV records"
    )
    targets = [f"80 web-{ordinal}.{name}.svc.cluster.local." for ordinal in range(3)]
    assert expected == f"  expected  at least {' '.join(targets)}"
    assert f"missing {' '.join(targets)}" in got


@pytest.mark.release
def test_an_empty_answer_where_there_is_no_such_name(cluster: Cluster, command: CommandLine) -> None:
    def lie(answer: dns.message.Message) -> None:
        if re.match(r"nobody\.kdc-\w+-negative-names\.", str(answer.question[0].name)):
            answer.set_rcode(dns.rcode.NOERROR)

    output, results = judge(cluster, command, lie, "clusterip.address.*", "headless.address.*", "negative.*")

    assert accused(results) == {"negative.names.unknown-service"}
    first, _, _, expected, got, _ = failure_text(output, "negative.names.unknown-service")
    assert first == (
        "NONCONFORMANT negative.names.unknown-service (RFC 2308 2.1, MUST): "
        "nobody.kdc-RUN-negative-names is answered with NOERROR instead of NXDOMAIN"
    )
    assert expected == "  expected  NXDOMAIN"
    assert got.startswith("  got       NOERROR         NOERROR instead of NXDOMAIN   (1 server)")


def test_an_answer_larger_than_was_offered(cluster: Cluster, command: CommandLine) -> None:
    upstream = cluster.dns[0]

    def handle(wire: bytes, transport: Transport) -> bytes:
        return exchange(Request(upstream.host, upstream.port, "tcp", wire, timeout=2.0)).wire

    with DnsServer(handle) as server:
        where = f"--dns-server={server.host}:{server.port}"
        done, results = command.judge(cluster, where, *QUICK, "--requirement=headless.address.complete-over-tcp")

    assert done.returncode == 1
    assert accused(results) == {"headless.address.complete-over-tcp"}
    first, *_ = failure_text(done.stdout, "headless.address.complete-over-tcp")
    assert re.search(r"answer of \d+ bytes over UDP where at most 512 were offered to be taken", first)


@pytest.mark.release
def test_a_cut_answer_that_does_not_say_so(cluster: Cluster, command: CommandLine) -> None:
    def lie(answer: dns.message.Message) -> None:
        answer.flags &= ~dns.flags.TC

    _, results = judge(cluster, command, lie, "headless.*")

    assert accused(results) == {"headless.address.complete-over-tcp"}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda wire: None, "no answer within 0.2 s"),
        (lambda wire: bytes([wire[0] ^ 255]) + wire[1:2] + b"\x84" + wire[3:], "answer with the wrong id"),
        pytest.param(lambda wire: b"garbage", "malformed answer of 7 bytes: ShortHeader", marks=pytest.mark.release),
        pytest.param(
            lambda wire: wire[:2] + b"\x84\x00\x00\x01\x00\x01" + wire[8:],
            "malformed answer of",
            marks=pytest.mark.release,
        ),
    ],
    ids=["silence", "wrong-id", "garbage", "cut-off"],
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
    assert f"server-0 at {server} gives no usable answer, as every verdict will say\n" in done.stderr
    assert accused(results) == {"clusterip.address.ipv4"}
    first, *_ = failure_text(done.stdout, "clusterip.address.ipv4")
    assert first.startswith(
        "NONCONFORMANT clusterip.address.ipv4 (2.3.1, MUST): server-0 gives no usable answer for web."
    )
    assert reason in first


@pytest.mark.release
def test_the_honest_server_is_accused_of_nothing(cluster: Cluster, command: CommandLine) -> None:
    with liar(cluster.dns[0], honest) as first, liar(cluster.dns[1], honest) as second:
        servers = [f"--dns-server={one.host}:{one.port}" for one in (first, second)]
        chosen = [f"--requirement={one}" for one in ALL_BUT_MOST_CHANGES]
        done, results = command.judge(cluster, *servers, *chosen, "--timing=hold=0.5")

    assert done.returncode == 0, done.stdout + done.stderr
    assert accused(results) == set()
    assert results.outcome() == "success"
