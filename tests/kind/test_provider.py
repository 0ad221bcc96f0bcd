"""kind clusters: made, judged from inside, found again, cleaned up after whoever was killed; foreign ones unharmed."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from cluster.commandline import CommandLine, read_until
from kind.conftest import NAME
from kube_dns_conformance.clusters import engine, processes
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.results import Verdict, read

WHILE_PODS_RESTART = ("--requirement=clusterip.*", "--requirement=survival.pod-restart.*")


def namespaces(cluster: Cluster) -> list[str]:
    found, _ = Kube(cluster.kubeconfig).list("v1", "Namespace", label_selector="kube-dns-conformance/run")
    return [one["metadata"]["name"] for one in found if "deletionTimestamp" not in one["metadata"]]


def test_it_has_real_nodes_and_two_dns_replicas(cluster: Cluster) -> None:
    nodes, _ = Kube(cluster.kubeconfig).list("v1", "Node")
    assert len(nodes) == 3
    assert {"real-pods", "real-nodes", "dual-stack", "dns-replicas"} <= cluster.capabilities
    assert [server.single for server in cluster.dns] == [False, True, True]


def test_it_is_found_again_by_its_name(cluster: Cluster, command: CommandLine) -> None:
    found = command.json("cluster", "up", f"--name={NAME}")
    assert found["kubeconfig"] == str(cluster.kubeconfig)
    assert command.json("cluster", "status", f"--name={NAME}")["provider"] == "kind"


def test_it_is_not_returned_for_something_else(cluster: Cluster, command: CommandLine) -> None:
    done = command("cluster", "up", f"--name={NAME}", "--cluster=embedded")
    assert done.returncode == 2
    assert f"cluster '{NAME}' runs already, but not with --cluster embedded (it has kind)" in done.stderr
    done = command("cluster", "up", f"--name={NAME}", "--ip-family=ipv6")
    assert done.returncode == 2
    assert "but not with --ip-family ipv6 (it has dual)" in done.stderr


def test_what_somebody_else_made_is_judged_and_never_deleted(cluster: Cluster, stranger: CommandLine) -> None:
    nodes = engine.nodes(NAME)
    stranger.variables.pop("KDC_KIND_IMAGE", None)  # it would say what to make
    done = stranger("run", f"--name={NAME}", "--requirement=clusterip.address.*")
    assert done.returncode == 0, done.stdout + done.stderr
    done = stranger("cluster", "up", f"--name={NAME}")
    assert done.returncode == 2
    assert f"there is a kind cluster '{NAME}' already, which kube-dns-conformance did not make" in done.stderr
    assert stranger("cluster", "down", f"--name={NAME}").returncode == 2
    assert stranger("cluster", "down", "--all").returncode == 0
    assert engine.nodes(NAME) == nodes
    assert namespaces(cluster) == []


@pytest.mark.release
def test_two_runs_at_the_same_time_are_both_right_and_each_takes_away_its_own(
    cluster: Cluster, command: CommandLine, stranger: CommandLine, tmp_path: Path
) -> None:
    long = command.start("run", f"--name={NAME}", *WHILE_PODS_RESTART, "--report-dir=long")
    where = ["--cluster=existing", f"--kubeconfig={cluster.kubeconfig}"]
    short = stranger.start("run", *where, "--requirement=clusterip.address.*", "--report-dir=short")
    end_of(short, 0)
    left = namespaces(cluster)
    end_of(long, 0)
    of_long = read(tmp_path / "long").run["run"]
    assert left
    assert [name for name in left if of_long not in name] == []
    for report in ("short", "long"):
        assert set(read(tmp_path / report).by_requirement().values()) == {Verdict.CONFORMANT}
    assert namespaces(cluster) == []


@pytest.mark.release
def test_a_restart_of_the_api_server_during_a_run_is_no_fault_of_dns(cluster: Cluster, command: CommandLine) -> None:
    run = command.start("run", f"--name={NAME}", *WHILE_PODS_RESTART, "--report-dir=report", "--timing=api=90")
    read_until(run, "conformant")
    subprocess.run([engine.program(), "exec", f"{NAME}-control-plane", "pkill", "-KILL", "kube-apiserver"], check=True)
    end_of(run, 0, 3)
    verdicts = read(command.directory / "report").by_requirement()
    assert {"clusterip.address.ipv4", "survival.pod-restart.name-follows"} <= set(verdicts)
    assert set(verdicts.values()) <= {Verdict.CONFORMANT, Verdict.UNKNOWN}
    assert namespaces(cluster) == []


def end_of(run: subprocess.Popen[str], *statuses: int) -> None:
    said, _ = run.communicate(timeout=300)
    assert run.returncode in statuses, said


@pytest.mark.release
def test_a_node_image_that_is_nowhere_is_one_line(stranger: CommandLine) -> None:
    done = stranger("cluster", "up", "--name=never", "--kind-image=127.0.0.1:1/node:1")
    assert done.returncode == 3
    assert "ERROR: kind create failed: failed to create cluster: failed to pull image" in done.stderr
    assert "Traceback" not in done.stderr
    assert "never" not in engine.clusters()
    assert not stranger.cluster_directory("never").exists()


@pytest.mark.release
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("step", ["Preparing nodes", "Starting control-plane"])
def test_nothing_stays_of_a_cluster_whose_making_was_cut_off(
    stranger: CommandLine, number: signal.Signals, step: str
) -> None:
    name = f"{NAME}-cut"
    process = stranger.start("cluster", "up", f"--name={name}")
    wait_for(stranger.cluster_directory(name) / "logs" / "kind.log", step, process)
    process.send_signal(number)
    process.wait(timeout=120)
    if number is signal.SIGKILL:
        assert stranger("cluster", "status").returncode == 0  # the next command, whatever it is
    else:
        assert process.returncode == 130
    assert engine.nodes(name) == []
    assert processes.of_cluster(stranger.cluster_directory(name)) == []
    assert not stranger.cluster_directory(name).exists()


@pytest.mark.release
@pytest.mark.parametrize(("number", "status"), [(None, 0), (signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_nothing_stays_of_the_cluster_that_a_run_made(
    stranger: CommandLine, number: signal.Signals | None, status: int
) -> None:
    before = engine.clusters()
    run = stranger.start("run", *WHILE_PODS_RESTART)
    read_until(run, "conformant")
    assert len(engine.clusters() - before) == 1
    if number is not None:
        run.send_signal(number)
    end_of(run, status)
    if number is signal.SIGKILL:
        assert stranger("cluster", "status").returncode == 0  # the next command, whatever it is
    assert engine.clusters() == before
    assert list((stranger.state / "clusters").glob("[!.]*")) == []


@pytest.mark.release
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_dns_has_its_replicas_again_after_a_run_that_was_ended_while_it_was_scaled(
    cluster: Cluster, command: CommandLine, number: signal.Signals, status: int
) -> None:
    wait_scaled(cluster)
    before = replicas(cluster)
    run = command.start("run", f"--name={NAME}", "--allow-disruptive", "--requirement=survival.dns-scaling.*")
    while replicas(cluster) == before:
        assert run.poll() is None, run.communicate()
        time.sleep(0.1)
    run.send_signal(number)
    end_of(run, status)
    if number is signal.SIGKILL:
        done = command("run", f"--name={NAME}", "--requirement=schema.version.record")
        assert "scaled back Deployment coredns, which the killed run" in " ".join((done.stdout + done.stderr).split())
    assert replicas(cluster) == before
    assert namespaces(cluster) == []


def replicas(cluster: Cluster) -> int:
    return int(deployment(cluster)["spec"]["replicas"])


def deployment(cluster: Cluster) -> Object:
    deployments, _ = Kube(cluster.kubeconfig).list("apps/v1", "Deployment", namespace="kube-system")
    (dns,) = [one for one in deployments if one["metadata"]["name"] == "coredns"]
    return dns


def wait_scaled(cluster: Cluster) -> None:
    """Until all replicas of DNS that shall be there are ready: what was scaled back a moment ago may not be yet."""
    deadline = time.monotonic() + 120
    while (dns := deployment(cluster))["status"].get("readyReplicas") != dns["spec"]["replicas"]:
        assert time.monotonic() < deadline, dns["status"]
        time.sleep(0.1)


def wait_for(log: Path, text: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not log.exists() or text not in log.read_text(errors="replace"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
