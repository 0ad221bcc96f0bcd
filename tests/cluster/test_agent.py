"""Asking from inside where no agent can answer: nothing is accused, one line says why, and nothing stays behind."""

from __future__ import annotations

from cluster.commandline import CommandLine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.results import Verdict


def left_by(run: str, cluster: Cluster) -> list[str]:
    """Other tests use the cluster as well."""
    found, _ = Kube(cluster.kubeconfig).list("v1", "Namespace", label_selector=f"kube-dns-conformance/run={run}")
    return [one["metadata"]["name"] for one in found if "deletionTimestamp" not in one["metadata"]]


def test_agents_that_run_nothing_judge_nothing(cluster: Cluster, command: CommandLine) -> None:
    # KWOK calls every Pod ready; but there is nothing in them that could answer.
    done, results = command.judge(cluster, "--requirement=clusterip.*", "--timing=api=1")
    assert done.returncode == 3, done.stdout + done.stderr
    assert {one.verdict for one in results.results} == {Verdict.UNKNOWN}
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "no agent answered for 1 s" in line]
    assert len(lines) == 1, done.stdout + done.stderr
    # It was not even tried: what has a Pod's address in the network around this machine is somebody else's.
    assert "nothing-runs-in-the-pods-of-kwok" in lines[0]
    assert "Traceback" not in done.stdout + done.stderr
    assert left_by(results.run["run"], cluster) == []
