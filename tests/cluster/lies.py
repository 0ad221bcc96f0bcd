"""What the tests of lying DNS servers share: the liar, the run that judges it, and its text made comparable.

The liar is the only fake here. It stands in front of the real CoreDNS of a real cluster and changes what that one says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack

import dns.message
import pytest

from cluster.commandline import CommandLine
from dns_server import DnsServer
from kube_dns_conformance.agent.exchange import Request, exchange
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.dns.model import Server, Transport
from kube_dns_conformance.results import Results, Verdict

Lie = Callable[[dns.message.Message], None]
QUICK = ["--timing=propagation=1", "--timing=cache=0.1", "--timing=late=1"]


def liar(upstream: Server, lie: Lie) -> DnsServer:
    """A server that asks ``upstream`` and lets ``lie`` change the answer before it is passed on."""

    def handle(wire: bytes, transport: Transport) -> bytes:
        # Byte by byte as it was asked: the suite asks in ways that no client of ours would.
        said = exchange(Request(upstream.host, upstream.port, transport, wire, timeout=2.0))
        answer = dns.message.from_wire(said.wire)
        lie(answer)
        return answer.to_wire(max_size=65535)

    return DnsServer(handle)


def honest(answer: dns.message.Message) -> None:
    """No lie."""


def judge(cluster: Cluster, command: CommandLine, lie: Lie, *requirements: str) -> tuple[str, Results]:
    """What the suite says about a server with this lie: the console's text and the results."""
    return judge_servers(cluster, command, [lie], *requirements)


def judge_servers(cluster: Cluster, command: CommandLine, lies: list[Lie], *requirements: str) -> tuple[str, Results]:
    """The same for several servers, each with a lie of its own."""
    with ExitStack() as stack:
        servers = [stack.enter_context(liar(cluster.dns[0], lie)) for lie in lies]
        where = [f"--dns-server={server.host}:{server.port}" for server in servers]
        done, results = command.judge(cluster, *where, *QUICK, *[f"--requirement={one}" for one in requirements])
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout, results


def accused(results: Results) -> set[str]:
    return {one for one, verdict in results.by_requirement().items() if verdict is Verdict.NONCONFORMANT}


def neutral(text: str) -> str:
    """The text with what differs from run to run replaced."""
    text = re.sub(r"kdc-[0-9a-f]{8}", "kdc-RUN", text)
    text = re.sub(r"127\.0\.0\.1(:| -p )\d+", r"127.0.0.1\1PORT", text)
    text = re.sub(r"\d\d:\d\d:\d\d\.\d UTC", "T", text)
    text = re.sub(r"each of \d+ rounds, the last \d+ s after", "each of N rounds, the last N s after", text)
    return re.sub(r"\b10\.(\d+)\.\d+\.\d+", r"10.\1.x.x", text)


def failure_text(output: str, requirement: str) -> list[str]:
    lines = iter(neutral(output).splitlines())
    for line in lines:
        if line.startswith(f"NONCONFORMANT {requirement} "):
            return [line, *(following for following in iter(lambda: next(lines, ""), ""))]
    pytest.fail(f"{requirement} was not accused:\n{output}")
