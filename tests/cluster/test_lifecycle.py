"""What is started ends: after success, failure, Ctrl-C, SIGTERM, and when the runner was killed."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from cluster.commandline import CommandLine, read_until
from kube_dns_conformance.clusters import embedded, kwokctl, ports, processes, store
from kube_dns_conformance.clusters.base import Capability, Cluster, IpFamily
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.results import Verdict, read
from kube_dns_conformance.toolchain import Toolchain

COMPONENTS = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller", "coredns"}
SOME = ("--requirement=clusterip.*", "--requirement=survival.pod-restart.*", "--timing=hold=60")
"""The first of it is judged within seconds, the last not before one can do something to who judges it."""


def names(directory: Path) -> list[str]:
    found = []
    for process in processes.of_cluster(directory):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            found.append(Path(process.cmdline()[0]).name)
    return sorted(found)


@contextmanager
def own(name: str) -> Iterator[Cluster]:
    """A cluster of this process, which goes with the block."""
    made = embedded.up(name, embedded.Options(), keep=False)
    try:
        yield made
    finally:
        store.end(name)


def test_up_status_down(command: CommandLine) -> None:
    made = command.json("cluster", "up", "--name", "demo", "--zone", "example.test")
    directory = command.cluster_directory("demo")

    assert set(names(directory)) == COMPONENTS
    assert names(directory).count("coredns") == 2
    assert made["zone"] == "example.test"
    assert [one["host"] for one in made["dns"]] == ["127.0.0.1", "127.0.0.1"]
    assert Path(made["kubeconfig"]).is_file()
    assert command.json("cluster", "status", "--name", "demo") == made
    assert command.json("cluster", "up", "--name", "demo") == made  # runs already: the same one
    assert command.json("cluster", "up", "--name", "demo", "--zone", "example.test", "--nodes", "5") == made

    other = ["--name", "demo", "--ip-family", "dual", "--kubernetes", "1.37.2"]
    for arguments in (["cluster", "up", "--nodes", "3", *other], ["run", *other]):
        done = command(*arguments)
        assert done.returncode == 2
        assert "cluster 'demo' runs already, but not with --ip-family dual (it has ipv4), " in done.stderr
        assert "--tool-version kubernetes 1.37.2 (it has 1.36.3)" in done.stderr
        assert ("--nodes 3 (it has 5)" in done.stderr) is ("up" in arguments)

    assert command("cluster", "down", "--name", "demo").returncode == 0
    assert names(directory) == []
    assert not directory.exists()
    assert command("cluster", "status", "--name", "demo").returncode == 3
    assert command("cluster", "down", "--name", "demo").returncode == 2


def test_every_component_listens_on_loopback_only(cluster: Cluster) -> None:
    directory = cluster.kubeconfig.parent
    listening = [
        connection.laddr.ip
        for process in processes.of_cluster(directory)
        for connection in process.net_connections()
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE) and connection.laddr
    ]
    assert len(listening) >= 10
    assert all(ipaddress.ip_address(ip).is_loopback for ip in listening)


@pytest.mark.release
def test_two_clusters_of_different_families_side_by_side(cluster: Cluster, command: CommandLine) -> None:
    other = command.json("cluster", "up", "--name", "tests", "--ip-family", "ipv6", "--nodes", "1")
    assert other["capabilities"] == ["dns-replicas", "ipv6"]
    done = command("run", "--name", "tests", "--requirement", "*.address.*", "--report-dir", "report")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unsupported   clusterip.address.ipv4" in done.stdout
    assert "conformant    headless.address.ipv6" in done.stdout
    assert names(command.cluster_directory("tests"))  # --name uses a running cluster and leaves it running


def test_a_run_may_interrupt_the_cluster_that_it_made_and_no_other_and_leaves_nothing_behind(
    command: CommandLine, cluster: Cluster
) -> None:
    wanted = ["--requirement=survival.dns-killed.*", "--requirement=survival.api-away.*"]
    done = command("run", *wanted, "--report-dir=report", "--timing=away=0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(read(command.directory / "report").by_requirement().values()) == {Verdict.CONFORMANT}
    assert list((command.state / "clusters").glob("[!.]*")) == []

    servers = [f"--dns-server={one}" for one in cluster.dns]
    done, results = command.judge(cluster, *servers, *wanted, "--allow-disruptive")
    assert done.returncode == 3, done.stdout + done.stderr
    assert set(results.by_requirement().values()) == {Verdict.UNSUPPORTED}


@pytest.mark.release
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_cleans_up_and_reports_what_it_has(
    command: CommandLine, number: signal.Signals, status: int
) -> None:
    process = command.start("run", *SOME, "--report-dir", "report")
    read_until(process, "clusterip.srv.named-port")
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)

    assert process.returncode == status
    assert "partial: " in rest
    assert "Traceback" not in rest
    assert list((command.state / "clusters").glob("[!.]*")) == []
    assert (command.directory / "report" / "junit.xml").is_file()


def test_a_run_that_is_interrupted_before_its_cluster_is_ready_replaces_the_report_before(command: CommandLine) -> None:
    report = command.directory / "report"
    report.mkdir()
    (report / "results.jsonl").write_text('{"kind": "run", "schema": 1}\n')
    (report / "summary.md").write_text("all is well")
    process = command.start("run", "--report-dir", "report", "--requirement", "clusterip.address.*")
    read_until(process, "requirements, ")
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)

    assert process.returncode == 143
    assert rest.splitlines()[-3:-1] == ["report: report", "interrupted by SIGTERM"]
    assert "partial: 2 not run" in rest
    said = (report / "summary.md").read_text()
    assert "2 not run. **The run did not reach its end: interrupted by SIGTERM**" in said
    assert "interrupted by SIGTERM" in (report / "junit.xml").read_text()


def test_a_run_that_nobody_listens_to_any_more_judges_to_its_end(cluster: Cluster, command: CommandLine) -> None:
    where = ["--cluster=existing", f"--kubeconfig={cluster.kubeconfig}", f"--dns-server={cluster.dns[0]}"]
    process = command.start("run", *where, "--report-dir=report", "--requirement=clusterip.*")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()  # as `| head -1` does

    assert process.wait(timeout=120) == 0
    assert (command.directory / "report" / "summary.md").read_text().startswith("# ✅ Kubernetes DNS")


@pytest.mark.release
def test_a_second_signal_does_not_stop_the_clean_up(command: CommandLine) -> None:
    process = command.start("run", *SOME, "--report-dir", "report")
    read_until(process, "clusterip.srv.named-port")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)  # another one, or the kernel might take both for one
    rest, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "cleaning up, please wait" in rest
    assert "partial: " in rest
    assert "Traceback" not in rest
    assert list((command.state / "clusters").iterdir()) == []
    assert (command.directory / "report" / "junit.xml").is_file()


def test_an_interrupted_start_cleans_up(command: CommandLine) -> None:
    process = command.start("cluster", "up", "--name", "demo")
    read_until(process, "starting cluster demo")
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)

    assert process.returncode == 143
    assert "Traceback" not in rest
    assert not command.cluster_directory("demo").exists()


def test_what_a_killed_runner_left_is_removed_by_the_next_command(command: CommandLine) -> None:
    process = command.start("run", *SOME)
    read_until(process, "clusterip.srv.named-port")
    process.kill()
    process.communicate(timeout=60)
    (directory,) = (command.state / "clusters").glob("run-*")
    assert set(names(directory)) >= COMPONENTS

    assert command.json("cluster", "status") == []
    assert names(directory) == []
    assert not directory.exists()


def test_a_port_in_use_is_one_clear_line(command: CommandLine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = command("cluster", "up", "--name", "demo", "--dns-port", str(port))
    assert done.returncode == 3
    assert done.stderr.splitlines()[-2:] == [
        f"ERROR: port {port} on 127.0.0.1 is in use",
        "  hint: choose another --dns-port, or none for a free one",
    ]
    assert not command.cluster_directory("demo").exists()


def test_a_state_folder_without_permission_is_one_clear_line(command: CommandLine) -> None:
    command.variables["KDC_STATE"] = "/sys/kdc"  # where root may not make a directory either
    done = command("cluster", "up")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-2:] == [
        "ERROR: cannot write to /sys/kdc: Operation not permitted",
        "  hint: set KDC_STATE to a directory you may write",
    ]


def test_a_component_that_does_not_start_is_named_at_once(tmp_path: Path) -> None:
    tools = Toolchain().need(*kwokctl.BINARIES)
    broken = tmp_path / "kube-scheduler"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Kubernetes v1.36.3 && exit\necho no idea how; exit 1\n')
    broken.chmod(0o755)
    try:
        with pytest.raises(ClusterError, match="kube-scheduler ended at once: no idea how"):
            kwokctl.create(tmp_path, tools | {"kube-scheduler": broken}, "1.36.3", IpFamily.IPV4)
    finally:
        processes.stop_all(tmp_path)


def test_an_api_server_that_takes_longer_to_start_than_its_controllers_wait_costs_nobody_the_cluster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KDC_STATE", str(tmp_path))
    directory, need = store.directory("slow"), Toolchain.need
    given_up = f"grep -q '{kwokctl.GAVE_UP}' {directory}/clusters/slow/logs/kube-controller-manager.log"

    def with_a_slow_one(self: Toolchain, *binaries: str) -> dict[str, Path]:
        tools, slow = need(self, *binaries), tmp_path / "kube-apiserver"
        slow.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] || until {given_up}; do sleep 0.1; done\n'
            f'exec {tools["kube-apiserver"]} "$@"\n'
        )
        slow.chmod(0o755)
        return tools | {"kube-apiserver": slow}

    monkeypatch.setattr(Toolchain, "need", with_a_slow_one)
    with own("slow") as made:
        running, accounts = names(directory), Kube(made.kubeconfig).list("v1", "ServiceAccount", namespace="default")[0]

    assert set(running) == COMPONENTS
    assert [one["metadata"]["name"] for one in accounts] == ["default"]


def test_who_needs_an_api_server_that_was_stopped_is_started_when_it_is_ready_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KDC_STATE", str(tmp_path))
    directory, running = store.directory("stopped"), []
    with own("stopped") as made:
        kube = Kube(made.kubeconfig)

        def wait_ready() -> None:
            running.append(set(names(directory)))
            kube.wait_ready(60, lambda: None)
            running.append(set(names(directory)))

        kwokctl.take_down_control_plane(directory)(wait_ready)
        running.append(set(names(directory)))

    without = COMPONENTS - {"kube-controller-manager", "kube-scheduler"}
    assert running == [without, without, COMPONENTS]


def test_what_a_killed_run_left_in_a_cluster_is_deleted_by_the_next_run_and_a_live_run_is_spared(
    command: CommandLine, cluster: Cluster
) -> None:
    where = ["run", "--cluster=existing", f"--kubeconfig={cluster.kubeconfig}", f"--dns-server={cluster.dns[0]}"]
    kube = Kube(cluster.kubeconfig)

    def namespaces() -> set[str]:
        found, _ = kube.list("v1", "Namespace", label_selector="kube-dns-conformance/run")
        return {one["metadata"]["name"] for one in found if "deletionTimestamp" not in one["metadata"]}

    killed = command.start(*where, *SOME)
    read_until(killed, "clusterip.srv.named-port")
    left = namespaces()
    killed.kill()
    killed.communicate(timeout=60)
    live = command.start(*where, *SOME)
    read_until(live, "clusterip.srv.named-port")
    live.send_signal(signal.SIGSTOP)  # alive, and for long enough
    spared = namespaces() - left
    done = command(*where, "--requirement=clusterip.address.ipv4")

    assert done.returncode == 0, done.stdout + done.stderr
    assert left
    assert spared
    assert namespaces() == spared
    live.send_signal(signal.SIGTERM)
    live.send_signal(signal.SIGCONT)
    live.communicate(timeout=60)
    assert namespaces() == set()
    assert list((command.state / "runs").iterdir()) == []


@pytest.mark.parametrize(
    "unlucky",
    [
        "dns",
        *(
            pytest.param(one, marks=pytest.mark.release)
            for one in ("etcdPort", "kubeApiserverPort", "kwokControllerPort")
        ),
    ],
)
def test_a_port_that_somebody_takes_meanwhile_is_exchanged_for_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unlucky: str
) -> None:
    honest = ports.Reserved.free
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = [somebody.getsockname()[1]]

        def free(self: ports.Reserved, count: int, host: str) -> list[int]:
            found = honest(self, count, host)
            is_dns = count == embedded.DNS_REPLICAS
            if taken and (is_dns if unlucky == "dns" else count == len(kwokctl.PORT_OPTIONS)):
                found[0 if is_dns else kwokctl.PORT_OPTIONS.index(unlucky)] = taken.pop()
            return found

        monkeypatch.setattr(ports.Reserved, "free", free)
        monkeypatch.setenv("KDC_STATE", str(tmp_path))
        made = embedded.up("unlucky", embedded.Options(), keep=False)
        store.end("unlucky")
    assert not taken
    assert made.capabilities == {Capability.IPV4, Capability.DNS_REPLICAS}
    assert not list((tmp_path / "clusters").iterdir())


def test_somebody_who_is_always_faster_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]
        monkeypatch.setattr(ports.Reserved, "free", lambda _, count, host: [taken] * count)
        monkeypatch.setenv("KDC_STATE", str(tmp_path))
        with pytest.raises(ClusterError, match=f"ended at once: .*{taken}.* address already in use"):
            embedded.up("unlucky", embedded.Options(), keep=False)
    assert not list((tmp_path / "clusters").iterdir())
