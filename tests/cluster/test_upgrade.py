"""`upgrade` on a real cluster: one that hurts nobody, those that do, its phases alone, its ends."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import pytest

from cluster.commandline import CommandLine, read_until
from cluster.lies import liar
from cluster.many import applicable
from dns_server import DnsServer
from kube_dns_conformance.agent.exchange import Request, exchange
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.dns.model import Server, Transport
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.results import Results, Verdict, read
from objects import endpoint, endpoint_slice, headless, service

SPACE = "upgrade-shop"
WEB, HAND_MADE = f"web.{SPACE}", f"hand-made.{SPACE}"
QUICK = [
    *("--requirement=clusterip.address.*", f"--namespace={SPACE}"),
    *("--timing=propagation=2", "--timing=cache=1"),
]
NAMES = [f"--watch-name={WEB}", f"--watch-name={HAND_MADE}"]
APPLY = """
import json, sys
from pathlib import Path
from kube_dns_conformance.kube import Kube
Kube(Path(sys.argv[1])).apply(json.loads(sys.argv[2]))
"""


@pytest.fixture(scope="module", autouse=True)
def shop(cluster: Cluster) -> Iterator[Kube]:
    """A Service with a ClusterIP, and a headless one whose endpoint is made by hand."""
    kube = Kube(cluster.kubeconfig)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    kube.apply(namespace)
    kube.apply(applicable(service("web", namespace=SPACE, ports=[("http", 80)])))
    kube.apply(applicable(headless("hand-made", namespace=SPACE, ports=[("http", 80)])))
    yield kube
    kube.delete(namespace)


@pytest.fixture(autouse=True)
def endpoints(shop: Kube) -> None:
    """The endpoint as it is before."""
    shop.apply(endpoints_at("10.100.88.1"))


def endpoints_at(address: str) -> Any:
    return applicable(endpoint_slice(endpoint(address), of="hand-made", namespace=SPACE, ports=[("http", 80)]))


def where(cluster: Cluster, *servers: Server) -> list[str]:
    asked = servers or cluster.dns
    return [f"--kubeconfig={cluster.kubeconfig}", *(f"--dns-server={one}" for one in asked)]


def upgrade(command: CommandLine, cluster: Cluster, *servers: Server, does: list[str]) -> tuple[int, Any, Results]:
    """All phases: the exit status, the outcome, and what was judged afterwards."""
    done = command("upgrade", *where(cluster, *servers), *QUICK, *NAMES, "--state=up", "--json", "--", *does)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.removeprefix("\n")), read(command.directory / "up" / "after")


def accused(results: Results) -> set[str]:
    return {name for name, verdict in results.by_requirement().items() if verdict is Verdict.NONCONFORMANT}


@contextmanager
def failing(cluster: Cluster, flag: Path, how: str) -> Iterator[Server]:
    """A server that is honest unless the flag is there."""
    upstream = cluster.dns[0]

    def handle(wire: bytes, transport: Transport) -> bytes | None:
        if flag.exists() and how == "silent":
            return None
        said = exchange(Request(upstream.host, upstream.port, transport, wire, timeout=2.0))
        answer = dns.message.from_wire(said.wire)
        if flag.exists() and how == "denying":
            deny(answer)
        if flag.exists() and how == "failing":
            answer.set_rcode(dns.rcode.SERVFAIL)
            answer.answer.clear()
        return answer.to_wire(max_size=65535)

    with DnsServer(handle) as server:
        yield server


def deny(answer: dns.message.Message) -> None:
    answer.set_rcode(dns.rcode.NXDOMAIN)
    answer.answer.clear()


def while_flag(flag: Path, seconds: float) -> list[str]:
    return ["sh", "-c", f"sleep 1; touch {flag}; sleep {seconds}; rm {flag}; sleep 1"]


def test_an_upgrade_that_hurts_nobody(command: CommandLine, cluster: Cluster) -> None:
    status, outcome, after = upgrade(command, cluster, does=["true"])
    assert (status, outcome["outcome"], outcome["command"]) == (0, "conformant", 0)
    assert (outcome["broken"], outcome["lost"], outcome["answered_otherwise"]) == ({}, {}, [])
    judged = {name for name, one in after.by_requirement().items() if one is Verdict.CONFORMANT}
    assert {
        "upgrade.answers.true",
        "upgrade.answers.in-time",
        "upgrade.records.kept",
        "clusterip.address.ipv4",
    } <= judged
    lines = [json.loads(line) for line in (command.directory / "up" / "watch.jsonl").read_text().splitlines()]
    assert {one["state"] for one in lines if one["kind"] == "seen"} == {"right"}
    assert [one["what"] for one in lines if one["kind"] == "mark"] == ["true", "ended with status 0"]
    assert "<svg " in (command.directory / "up" / "after" / "index.html").read_text()


@pytest.mark.release
def test_the_status_of_the_command_is_no_verdict(command: CommandLine, cluster: Cluster) -> None:
    status, outcome, _ = upgrade(command, cluster, does=["sh", "-c", "exit 7"])
    assert (status, outcome["outcome"], outcome["command"]) == (4, "conformant", 7)


@pytest.mark.parametrize(
    ("how", "seconds", "broken"),
    [
        *(
            pytest.param(*case, marks=pytest.mark.release)
            for case in (
                ("failing", 6.5, {"upgrade.answers.in-time": "(SERVFAIL), 5 s are allowed"}),
                ("silent", 9.0, {"upgrade.answers.in-time": "no right answer for"}),
                ("denying", 0.5, {"upgrade.answers.true": "NXDOMAIN for"}),
                ("silent", 1.0, {}),
            )
        ),
    ],
)
def test_what_a_server_costs_is_measured_against_the_budget(
    command: CommandLine, cluster: Cluster, tmp_path: Path, how: str, seconds: float, broken: dict[str, str]
) -> None:
    flag = tmp_path / "flag"
    with failing(cluster, flag, how) as server:
        status, outcome, after = upgrade(command, cluster, server, does=while_flag(flag, seconds))
    assert (status, accused(after)) == (1 if broken else 0, set(broken))
    for name, said in broken.items():
        assert said in outcome["broken"][name]
        assert f"{SPACE}.svc.cluster.local." in outcome["broken"][name]


@pytest.mark.release
def test_a_server_that_keeps_to_what_was_true_is_accused(command: CommandLine, cluster: Cluster) -> None:
    first: dict[Any, Any] = {}

    def stale(answer: dns.message.Message) -> None:
        question = answer.question[0]
        if str(question.name).startswith("hand-made.") and answer.answer:
            answer.answer = first.setdefault((question.name, question.rdtype), answer.answer)

    with liar(cluster.dns[0], stale) as server:
        change = [sys.executable, "-c", APPLY, str(cluster.kubeconfig), json.dumps(endpoints_at("10.100.88.2"))]
        status, outcome, after = upgrade(command, cluster, cluster.dns[0], server, does=change)
    assert status == 1
    assert accused(after) == {"upgrade.answers.true", "upgrade.records.kept"}
    assert "stale for" in outcome["broken"]["upgrade.answers.true"]
    assert "at server-1/" in outcome["broken"]["upgrade.answers.true"]
    assert f"{HAND_MADE} A lacks 10.100.88.2" in outcome["broken"]["upgrade.records.kept"]


@pytest.mark.release
def test_what_was_wrong_before_as_well_is_no_fault_of_the_upgrade(command: CommandLine, cluster: Cluster) -> None:
    def lie(answer: dns.message.Message) -> None:
        if str(answer.question[0].name).startswith("both."):
            deny(answer)

    arguments = [*QUICK[1:], "--requirement=clusterip.family.*", *NAMES]
    with liar(cluster.dns[0], lie) as server:
        done = command("upgrade", *where(cluster, server), *arguments, "--state=up", "--", "true")
    assert read(command.directory / "up" / "before").exit_code() == 1, done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nonconformant before as well: clusterip.family." in done.stdout


@pytest.mark.release
def test_a_watch_that_was_killed_is_known_to_be_no_whole_one(
    command: CommandLine, cluster: Cluster, shop: Kube
) -> None:
    arguments = [*where(cluster), *QUICK, "--state=up"]
    assert command("upgrade", "baseline", *arguments).returncode == 0
    watching = command.start("upgrade", "watch", *arguments, *NAMES, "--for=10m")
    read_until(watching, "watching 4 names and types")
    number = 2
    while '"seen"' not in (command.directory / "up" / "watch.jsonl").read_text():  # a line that has ended
        shop.apply(endpoints_at(f"10.100.88.{number}"))
        number += 1
        time.sleep(0.2)
    watching.kill()
    watching.wait()
    done = command("upgrade", "verify", *arguments)
    assert done.returncode == 3, done.stdout + done.stderr
    said = "UNKNOWN upgrade.answers.in-time: the watch did not reach its end: what came after it is not known"
    assert said in {one.message for one in read(command.directory / "up" / "after").results}


@pytest.mark.release
def test_the_phases_one_by_one(command: CommandLine, cluster: Cluster) -> None:
    arguments = [*where(cluster), *QUICK, "--state=up"]
    assert command("upgrade", "baseline", *arguments).returncode == 0
    assert command("upgrade", "watch", *arguments, *NAMES, "--for=1s").returncode == 0
    done = command("upgrade", "verify", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "conformant: 0 requirements newly broken" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--", "nobody-has-this-command"], "there is no command 'nobody-has-this-command'"),
        ([], "there is no command to watch"),
        (["watch"], "upgrade watch needs --state DIR"),
        (["watch", "--state=nowhere"], "nowhere has no before.json"),
        (["verify", "--state=nowhere"], "nowhere has no before.json"),
        (["baseline", "--state=up", "--", "true"], "a command goes with the phase watch, and not with baseline"),
        (["--budget=nowhere", "--", "true"], "cannot read --budget nowhere: No such file or directory"),
    ],
)
def test_wrong_usage_is_one_line(command: CommandLine, cluster: Cluster, arguments: list[str], said: str) -> None:
    done = command("upgrade", *where(cluster), *QUICK, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
