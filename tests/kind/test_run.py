"""All suites on a kind cluster, in one process and in several; an audit of it from inside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.commandline import CommandLine
from kind.test_provider import namespaces
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.results import Results, Verdict, read

ROOT = Path(__file__).parents[2]
NOT_THERE = {
    "nodelocal.cache.same-answers",
    "multicluster.names.cluster-set-ip",
    "survival.api-away.answers-stay",
    "survival.api-away.changes-followed",
    "survival.large-rollout.names-follow",
    "survival.large-rollout.old-addresses-gone",
    "survival.large-rollout.service-never-denied",
}


@pytest.mark.slow
def test_everything_is_judged_and_nothing_is_left(everything: Results, cluster: Cluster) -> None:
    verdicts = everything.by_requirement()
    assert {name for name, verdict in verdicts.items() if verdict is not Verdict.CONFORMANT} == NOT_THERE
    assert {verdicts[name] for name in NOT_THERE} == {Verdict.UNSUPPORTED}
    assert len(verdicts) >= 120
    assert everything.run["cluster"]["implementation"][0]["name"] == "coredns"
    assert namespaces(cluster) == []


def test_an_audit_from_inside_finds_nothing_wrong(cluster: Cluster, command: CommandLine) -> None:
    done = command("audit", f"--name={cluster.name}", "--json", "--report-dir=audit")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["outcome"], said["differences"], said["unknown"]) == ("conformant", [], {})
    assert {row["section"] for row in said["records"]} >= {"2.3.1", "2.3.2", "2.3.3"}  # address, SRV, reverse
    assert namespaces(cluster) == []


@pytest.mark.release
def test_several_processes_give_the_same_verdicts(everything: Results, cluster: Cluster, command: CommandLine) -> None:
    options = ["-n", "2", "--cluster=existing", f"--kubeconfig={cluster.kubeconfig}", "--allow-disruptive"]
    report = command.directory / "report"
    run = [sys.executable, "-m", "pytest", "suites", *options, f"--report-dir={report}"]
    done = subprocess.run(run, cwd=ROOT, env=command.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    frozen = {name for name in everything.by_requirement() if name.startswith("survival.node-lost.")}
    assert read(report).by_requirement() == everything.by_requirement() | dict.fromkeys(frozen, Verdict.UNSUPPORTED)
    assert namespaces(cluster) == []
