"""DNS servers that lie while something changes: each lie is caught by the requirement named for it."""

from __future__ import annotations

import re

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from cluster.commandline import CommandLine
from cluster.lies import Lie, accused, failure_text, honest, judge, judge_servers
from kube_dns_conformance.clusters.base import Cluster


def deny(answer: dns.message.Message) -> None:
    answer.set_rcode(dns.rcode.NXDOMAIN)
    answer.answer.clear()


def blink(start: str) -> Lie:
    """Denies once, a second after it was first asked, a name that starts like this."""
    asked = 0

    def lie(answer: dns.message.Message) -> None:
        nonlocal asked
        if str(answer.question[0].name).startswith(start) and answer.question[0].rdtype == dns.rdatatype.A:
            asked += 1
            if asked == 20:
                deny(answer)

    return lie


def stale(start: str) -> Lie:
    """Says for ever what it said first to a question for a name that starts like this."""
    first: dict[tuple[str, int], list[dns.rrset.RRset]] = {}

    def lie(answer: dns.message.Message) -> None:
        question = answer.question[0]
        key = str(question.name), int(question.rdtype)
        if key[0].startswith(start) and (answer.answer or key in first):
            answer.answer = first.setdefault(key, answer.answer)
            answer.set_rcode(dns.rcode.NOERROR)

    return lie


def test_a_stale_address_after_a_restart(cluster: Cluster, command: CommandLine) -> None:
    output, results = judge(cluster, command, stale("web-1."), "survival.pod-restart.*")

    assert accused(results) == {"survival.pod-restart.name-follows", "survival.pod-restart.old-address-gone"}
    name = "web-1.web-headless.kdc-RUN-survival-pod-restart"
    first, _, _, expected, got = failure_text(output, "survival.pod-restart.old-address-gone")
    assert first == (
        f"NONCONFORMANT survival.pod-restart.old-address-gone (2.4.1, MUST): {name} still answers 10.64.x.x"
    )
    assert expected == "  expected  10.64.x.x"
    assert re.fullmatch(r"  got       NOERROR 10.64.x.x   \(answer of server-0; DNS may take [\d.]+ s to follow\)", got)
    first, *_ = failure_text(output, "survival.pod-restart.name-follows")
    assert first.endswith(f"{name} did not follow the change")


@pytest.mark.release
def test_a_sibling_that_blinks(cluster: Cluster, command: CommandLine) -> None:
    output, results = judge(cluster, command, blink("web-2."), "survival.pod-restart.*")

    assert accused(results) == {"survival.pod-restart.siblings-unbroken"}
    first, _, _, _, got = failure_text(output, "survival.pod-restart.siblings-unbroken")
    assert first.endswith("web-2.web-headless.kdc-RUN-survival-pod-restart did not keep its answer")
    assert re.fullmatch(r"  got       NXDOMAIN   \(1 of \d+ answers of server-0\)", got)


@pytest.mark.release
def test_a_sibling_that_blinks_in_the_answer_of_its_service(cluster: Cluster, command: CommandLine) -> None:
    asked = 0

    def lie(answer: dns.message.Message) -> None:
        nonlocal asked
        if str(answer.question[0].name).startswith("web-headless.") and answer.answer:
            asked += 1
            if asked == 20:
                answer.answer.clear()

    output, results = judge(cluster, command, lie, "survival.pod-restart.*")

    assert accused(results) == {"survival.pod-restart.siblings-unbroken"}
    first, _, _, expected, got = failure_text(output, "survival.pod-restart.siblings-unbroken")
    assert first.endswith("web-headless.kdc-RUN-survival-pod-restart did not keep its answer")
    assert re.fullmatch(r"  expected  at least \S+ \S+", expected)
    assert re.fullmatch(r"  got       NOERROR   \(1 of \d+ answers of server-0\)", got)


def test_a_cluster_ip_that_blinks(cluster: Cluster, command: CommandLine) -> None:
    output, results = judge(cluster, command, blink("web."), "survival.all-pods-replaced.*")

    assert accused(results) == {"survival.all-pods-replaced.clusterip-stays"}
    first, _, _, expected, got = failure_text(output, "survival.all-pods-replaced.clusterip-stays")
    assert first == (
        "NONCONFORMANT survival.all-pods-replaced.clusterip-stays (2.3.1, MUST): "
        "web.kdc-RUN-survival-all-pods-replaced did not keep its answer"
    )
    assert expected == "  expected  10.96.x.x"
    assert got.startswith("  got       NXDOMAIN   (1 of ")


@pytest.mark.release
def test_a_pod_that_is_kept_after_scaling_down(cluster: Cluster, command: CommandLine) -> None:
    output, results = judge(cluster, command, stale("web-3."), "survival.scaling.*")

    assert accused(results) == {"survival.scaling.headless-follows"}
    first, _, _, expected, got = failure_text(output, "survival.scaling.headless-follows")
    assert first == (
        "NONCONFORMANT survival.scaling.headless-follows (2.4.1, MUST): "
        "web-3.web-headless.kdc-RUN-survival-scaling did not follow the change"
    )
    assert expected == "  expected  NXDOMAIN"
    late = r"  got       NOERROR 10.64.x.x   \(answer of server-0; DNS may take [\d.]+ s to follow\)"
    assert re.fullmatch(late, got)


@pytest.mark.release
def test_one_of_two_replicas_that_is_stale(cluster: Cluster, command: CommandLine) -> None:
    output, results = judge_servers(cluster, command, [honest, stale("web-1.")], "survival.pod-restart.*")

    parts = {"name-follows", "old-address-gone", "replicas-agree"}
    assert accused(results) == {f"survival.pod-restart.{part}" for part in parts}
    first, _, _, _, got = failure_text(output, "survival.pod-restart.replicas-agree")
    assert first == (
        "NONCONFORMANT survival.pod-restart.replicas-agree (2.4.1, MUST): "
        "web-1.web-headless.kdc-RUN-survival-pod-restart is answered differently by server-0/tcp and server-1/tcp"
    )
    assert got == "  got       NOERROR 10.64.x.x   (server-1; server-0 said NOERROR 10.64.x.x)"


@pytest.mark.release
def test_replicas_that_are_stale_alike_agree(cluster: Cluster, command: CommandLine) -> None:
    lie = stale("web-1.")
    _, results = judge_servers(cluster, command, [lie, lie], "survival.pod-restart.*")

    assert accused(results) == {f"survival.pod-restart.{part}" for part in ("name-follows", "old-address-gone")}
