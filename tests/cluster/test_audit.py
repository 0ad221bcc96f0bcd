"""Audits of a real cluster: of an honest CoreDNS, of one behind a liar, and while Services come, go and change."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from cluster import many
from cluster.commandline import CommandLine
from cluster.lies import QUICK, Lie, honest, liar
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.clusters.store import load
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.promises import reverse_name
from objects import endpoint, endpoint_slice, external, service

ZONE = "cluster.local."
SOME = 40


@pytest.fixture(scope="module")
def shop(cluster: Cluster) -> Iterator[str]:
    """A namespace with some Services of every kind."""
    many.make(cluster.kubeconfig, "audit-shop", SOME)
    yield "audit-shop"
    Kube(cluster.kubeconfig).delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "audit-shop"}})


def audit(
    command: CommandLine, cluster: Cluster, lie: Lie | None, *arguments: str, timeout: float = 240
) -> tuple[int, Any]:
    """The exit status of an audit of CoreDNS, behind a liar when there is a lie, and its JSON."""
    where = f"--kubeconfig={cluster.kubeconfig}"
    if lie is None:
        servers = [f"--dns-server={one}" for one in cluster.dns]
        done = command("audit", where, *servers, "--json", *arguments, timeout=timeout)
    else:
        with liar(cluster.dns[0], lie) as server:
            done = command("audit", where, f"--dns-server={server}", "--json", *arguments, timeout=timeout)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def lies(cluster: Cluster, space: str) -> dict[str, Lie]:
    """Ten lies, by the name and type they are told about."""
    kube = Kube(cluster.kubeconfig)
    api = kube.get("v1", "Service", "s2", space)["spec"]["clusterIP"]
    below = f"{space}.svc.{ZONE}"

    def say(*values: str) -> Lie:
        def lie(answer: dns.message.Message) -> None:
            asked = answer.question[0]
            answer.answer = [dns.rrset.from_text(asked.name, 5, "IN", asked.rdtype, one) for one in values]

        return lie

    def lose(answer: dns.message.Message) -> None:
        first, *others = [one.to_text() for one in answer.answer[0]]
        assert first
        say(*others)(answer)

    def gain(answer: dns.message.Message) -> None:
        answer.answer += [dns.rrset.from_text(answer.question[0].name, 5, "IN", "A", "192.0.2.1")]

    def exist(answer: dns.message.Message) -> None:
        answer.set_rcode(dns.rcode.NOERROR)

    return {
        f"s0.{below} A": say("10.96.255.254"),
        f"_http._tcp.s1.{below} SRV": say(f"0 100 81 s1.{below}"),
        f"{reverse_name(api)} PTR": say(),
        f"s5.{below} A": lose,
        f"p-1.s5.{below} A": say("10.100.5.2"),
        f"_http._tcp.s5.{below} SRV": lose,
        "3.6.100.10.in-addr.arpa. PTR": say(f"p-4.s6.{below}"),
        f"s7.{below} A": gain,
        f"s8.{below} A": exist,
        f"s9.{below} CNAME": say("elsewhere.example.com."),
    }


def told(some: dict[str, Lie]) -> Lie:
    def lie(answer: dns.message.Message) -> None:
        asked = answer.question[0]
        some.get(f"{asked.name} {dns.rdatatype.to_text(asked.rdtype)}", honest)(answer)

    return lie


def blamed(found: Any) -> set[str]:
    return {f"{one['name']} {one['type']}" for one in found["differences"]}


def test_an_honest_server_is_blamed_for_nothing(cluster: Cluster, command: CommandLine, shop: str) -> None:
    status, found = audit(command, cluster, None)
    assert (status, found["outcome"], found["differences"], found["unknown"]) == (0, "conformant", [], {})
    assert {one["section"] for one in found["records"]} >= {"2.3.1", "2.3.2", "2.3.3", "2.4.1", "2.4.2", "2.4.3", "2.5"}
    assert sum(one["names"] for one in found["records"]) > SOME * 7


def test_each_of_ten_lies_is_found_and_nothing_else(cluster: Cluster, command: CommandLine, shop: str) -> None:
    some = lies(cluster, shop)
    status, found = audit(command, cluster, told(some), *QUICK, f"--namespace={shop}", "--report-dir=report")
    assert (status, found["outcome"], blamed(found)) == (1, "nonconformant", set(some))
    messages = {f"{one['name']} {one['type']}": one["message"] for one in found["differences"]}
    below = f"{shop}.svc.{ZONE}"
    assert messages[f"s8.{below} A"] == (
        f"NONCONFORMANT headless.address (2.4.1, MUST): s8.{shop} A is answered with NOERROR instead of NXDOMAIN"
    )
    assert messages[f"s7.{below} A"] == (
        f"NONCONFORMANT headless.address (2.4.1, MUST): s7.{shop} A must not have 192.0.2.1"
    )
    lines = [json.loads(line) for line in (command.directory / "report" / "audit.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["audit", *["difference"] * 10, "end"]
    summary = (command.directory / "report" / "summary.md").read_text()
    assert summary.startswith("# Audit: nonconformant")
    assert all(one["message"] in summary for one in found["differences"])


def test_what_comes_goes_and_changes_meanwhile_is_not_blamed(cluster: Cluster, command: CommandLine) -> None:
    space, kube = "audit-churn", Kube(cluster.kubeconfig)
    many.make(cluster.kubeconfig, space, 60)
    changes = churn(kube, space)
    queries, lock = itertools.count(), threading.Lock()

    def change(answer: dns.message.Message) -> None:
        with lock:
            if next(queries) % 10 == 5:
                next(changes, None)

    try:
        status, found = audit(command, cluster, change, f"--namespace={space}")
    finally:
        kube.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    assert (status, found["differences"], found["unknown"]) == (0, [], {})
    assert found["asked_again"] > 0
    assert next(changes, "all done") == "all done"


def churn(kube: Kube, space: str) -> Iterator[None]:
    """One change for each step, all of them to what the audit asks late, or has asked already, or does not know."""
    for at in range(5, -1, -1):
        first = at * 10
        behind = f"10.{100 + (first + 5) // 250}.{(first + 5) % 250}"
        kube.delete({"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{first}", "namespace": space}})
        yield
        scaled = [endpoint(f"{behind}.{one}", hostname=f"p-{one}") for one in range(3, 9)]
        name = f"s{first + 5}"
        made = endpoint_slice(*scaled, of=name, name=f"{name}-x", namespace=space, ports=many.PORTS)
        kube.apply(many.applicable(made))
        yield
        gone = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{first + 1}", "namespace": space}}
        kube.delete(gone)
        kube.apply(many.applicable(service(f"s{first + 1}", namespace=space, ports=many.PORTS)))
        yield
        kube.delete(gone | {"metadata": {"name": f"s{first + 2}", "namespace": space}})
        kube.apply(many.applicable(external("other.example.com", f"s{first + 2}", space)))
        yield
        kube.apply(many.applicable(service(f"new-{at}", namespace=space, ports=many.PORTS)))
        yield


def test_a_server_that_is_none_is_not_blamed(cluster: Cluster, command: CommandLine) -> None:
    done = command(
        "audit", f"--kubeconfig={cluster.kubeconfig}", "--dns-server=127.0.0.1:1", "--timing=propagation=0.5"
    )
    assert done.returncode == 3, done.stdout
    assert "server-0 at 127.0.0.1:1 does not answer for kubernetes.default.svc.cluster.local." in done.stderr


def test_another_zone_is_not_blamed(cluster: Cluster, command: CommandLine) -> None:
    servers = f"--dns-server={cluster.dns[0]}"
    done = command("audit", f"--kubeconfig={cluster.kubeconfig}", servers, "--zone=other", "--timing=propagation=0.5")
    assert done.returncode == 3, done.stdout
    assert "does not answer for kubernetes.default.svc.other.: SERVFAIL" in done.stderr
    assert "--zone says the cluster domain" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--name=nobody"], "cluster 'nobody' does not run"),
        (["--name=nobody", "--kubeconfig=x"], "--name goes without --kubeconfig"),
        (["--sample=0"], "--sample"),
        (["--kubeconfig=nowhere"], "there is no kubeconfig nowhere"),
        (["--shards=2"], "--shards needs --image"),
        (["--per-node"], "--per-node needs --image"),
        (["--shards=2", "--per-node", "--image=x"], "--shards and --per-node contradict each other"),
        (["--shards=2", "--image=x", "--dns-server=127.0.0.1"], "--shards asks from inside"),
        (["--per-node", "--image=x", "--sample=5"], "goes without --per-node"),
    ],
)
def test_wrong_usage(command: CommandLine, arguments: list[str], words: str) -> None:
    done = command("audit", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stdout + done.stderr


@pytest.mark.release
def test_two_thousand_services(command: CommandLine) -> None:
    done = command("cluster", "up", "--name=scale", "--ip-family=dual")
    assert done.returncode == 0, done.stderr
    found = load(command.cluster_directory("scale")).cluster
    assert found is not None
    many.make(found.kubeconfig, "many", 2000)

    status, said = audit(command, found, None, timeout=600)
    assert (status, said["differences"], said["unknown"]) == (0, [], {})
    assert sum(one["names"] for one in said["records"]) > 14000

    some = lies(found, "many")
    status, said = audit(command, found, told(some), *QUICK, timeout=600)
    assert (status, blamed(said), said["unknown"]) == (1, set(some), {})
