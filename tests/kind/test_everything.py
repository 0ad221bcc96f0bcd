"""All suites on a kind cluster, with the smallest roles and by its owner."""

from __future__ import annotations

import pytest

from cluster.commandline import CommandLine
from kind.test_provider import namespaces
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.results import Results, Verdict, read

NOT_THERE = {
    "nodelocal.cache.same-answers",
    "multicluster.names.cluster-set-ip",
    "survival.api-away.answers-stay",
    "survival.api-away.changes-followed",
    "survival.large-rollout.names-follow",
    "survival.large-rollout.old-addresses-gone",
    "survival.large-rollout.service-never-denied",
}
FOR_OWNERS = {f"survival.node-lost.{one}" for one in ("addresses-gone", "others-unbroken", "names-return")}


@pytest.mark.slow
def test_the_smallest_roles_are_enough_to_judge_everything_and_leave_nothing(
    everything: Results, cluster: Cluster
) -> None:
    verdicts = everything.by_requirement()
    assert {name for name, verdict in verdicts.items() if verdict is not Verdict.CONFORMANT} == NOT_THERE | FOR_OWNERS
    assert {verdicts[name] for name in NOT_THERE | FOR_OWNERS} == {Verdict.UNSUPPORTED}
    assert len(verdicts) >= 120
    assert {one.message for one in everything.results if one.requirement in FOR_OWNERS} == {
        "unsupported: needs freeze-nodes"
    }
    assert everything.run["cluster"]["implementation"][0]["name"] == "coredns"
    assert namespaces(cluster) == []


@pytest.mark.release
def test_whoever_made_the_cluster_may_freeze_its_nodes(cluster: Cluster, command: CommandLine) -> None:
    chosen = [f"--requirement={name}" for name in sorted(FOR_OWNERS)]
    done = command("run", f"--name={cluster.name}", "--report-dir=report", "--allow-disruptive", *chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read(command.directory / "report").by_requirement() == dict.fromkeys(FOR_OWNERS, Verdict.CONFORMANT)
    assert namespaces(cluster) == []


@pytest.mark.release
def test_its_owner_gets_the_same_verdicts_in_one_process(
    everything: Results, cluster: Cluster, command: CommandLine
) -> None:
    done = command("run", f"--name={cluster.name}", "--report-dir=report", "--allow-disruptive", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = everything.by_requirement() | dict.fromkeys(FOR_OWNERS, Verdict.CONFORMANT)
    assert read(command.directory / "report").by_requirement() == expected
    assert namespaces(cluster) == []
