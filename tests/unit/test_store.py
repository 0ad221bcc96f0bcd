"""The embedded clusters on disk: found again, cleaned up after whoever was killed, and nobody else's harmed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from kube_dns_conformance import locks
from kube_dns_conformance.clusters import processes, store
from kube_dns_conformance.clusters.base import Capability, Cluster, Software
from kube_dns_conformance.clusters.store import Entry
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError, UsageError

SERVERS = (Server("dns-0", "127.0.0.1", 5300), Server("dns-1", "::1", 5301))
MADE = {"--ip-family": "dual", "--nodes": "5"}
RUNNER = """
import subprocess, sys
from kube_dns_conformance.clusters import store
with store.held("left") as where:
    store.save(store.Entry(where, kept=False, cluster=None))
child = subprocess.Popen(["sleep", "600"], close_fds=False)
print(child.pid, flush=True)
sys.stdin.read()
"""
WAIT = ["sleep", "600"]  # not for ever: the tests may be killed


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KDC_STATE", str(tmp_path / "state"))


def entry(name: str, *, kept: bool = True, made: bool = True) -> Entry:
    where = store.directory(name)
    families = frozenset({Capability.IPV4, Capability.DNS_REPLICAS})
    cluster = Cluster("embedded", name, where / "kubeconfig", None, "cluster.local", SERVERS, families, "1.37.2")
    cluster = replace(cluster, implementation=(Software("coredns", "1.14.7"), Software("x", "", "example.test/x:1")))
    saved = Entry(where, kept, cluster if made else None, MADE)
    store.save(saved)
    return saved


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running process of the cluster ``demo``."""
    where = store.directory("demo")
    where.mkdir(parents=True)
    started = processes.start(WAIT, where, tmp_path / "log")
    yield started
    started.kill()
    started.wait()


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("made", [True, False])
def test_what_is_saved_is_loaded(kept: bool, made: bool) -> None:
    saved = entry("demo", kept=kept, made=made)
    assert store.load(saved.directory) == saved


@pytest.mark.parametrize(
    "text", [None, "", '{"kept": false, "clu', "{}", "[]", '{"kept": false, "cluster": {"name": "demo"}}']
)
def test_a_directory_that_cannot_be_read_is_an_entry_without_a_cluster(text: str | None) -> None:
    where = store.directory("demo")
    where.mkdir(parents=True)
    if text is not None:
        (where / "cluster.json").write_text(text)
    assert store.load(where) == Entry(where, kept=True, cluster=None)
    assert store.remove_abandoned() == []  # nothing of ours is ever without a whole file


def test_entries_are_listed_by_name() -> None:
    assert store.entries() == []
    made = [entry("b"), entry("a"), entry("a-1", kept=False)]
    assert store.entries() == sorted(made, key=lambda one: one.name)


def test_what_has_a_name_we_never_give_is_left_alone() -> None:
    entry("demo")
    for name in ("lost+found", "UPPER", ".hidden"):
        (store.root() / name).mkdir()
    (store.root() / "file").write_text("")
    assert [one.name for one in store.entries()] == ["demo"]
    assert store.remove_abandoned() == []
    assert sorted(one.name for one in store.root().iterdir()) == [".hidden", "UPPER", "demo", "file", "lost+found"]


@pytest.mark.parametrize("name", ["demo", "a", "0", "run-12ab34cd", "a" * 40])
def test_a_cluster_name_is_a_label(name: str, tmp_path: Path) -> None:
    assert store.directory(name) == tmp_path / "state" / "clusters" / name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a/b", "..", "a\n", "ä", "a" * 41])
def test_any_other_name_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="is not a cluster name"):
        store.directory(name)


def test_a_cluster_being_made_is_held_against_others_and_free_afterwards() -> None:
    with store.held("demo") as where:
        assert where == store.directory("demo")
        with pytest.raises(ClusterError, match="'demo' is being started, judged or stopped by another process"):
            store.held("demo").__enter__()
        with store.held("other"):
            pass
    with store.held("demo"):
        pass


def test_no_lock_file_is_left() -> None:
    with store.held("demo"):
        pass
    with store.held("run-1") as where:
        store.save(Entry(where, kept=False, cluster=None))
    store.end("run-1")
    entry("left", kept=False)
    assert store.remove_abandoned() == ["left"]
    assert list(store.root().iterdir()) == []


def test_only_this_user_may_look_into_a_cluster() -> None:
    assert entry("demo").directory.stat().st_mode & 0o777 == 0o700


def test_abandoned_clusters_are_removed_and_no_others() -> None:
    kept = [entry("kept"), entry("unmade", made=False)]
    entry("left", kept=False)
    entry("half", kept=False, made=False)
    (store.root() / "strange").mkdir()
    assert store.remove_abandoned() == ["half", "left"]
    (store.root() / "strange").rmdir()  # still there: not ours
    assert store.entries() == kept
    assert store.remove_abandoned() == []


def test_a_cluster_of_a_run_is_held_until_the_run_ends_it() -> None:
    with store.held("mine"):
        entry("mine", kept=False)
    assert store.remove_abandoned() == []
    with pytest.raises(ClusterError, match="'mine' is being started, judged or stopped by another process"):
        store.held("mine").__enter__()
    store.end("mine")
    assert store.entries() == []


def test_an_abandoned_cluster_that_somebody_else_is_removing_is_left_to_them() -> None:
    entry("left", kept=False)
    with store.held("left"):
        assert store.remove_abandoned() == []
    locks.release(store.root() / ".left.lock")
    assert store.remove_abandoned() == ["left"]


def test_a_killed_runner_gives_up_its_cluster_though_a_program_it_started_lives_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout is not None
        child = psutil.Process(int(runner.stdout.readline()))
        assert store.remove_abandoned() == []
        runner.kill()
        runner.wait()
        assert store.remove_abandoned() == ["left"]
        assert child.is_running()
        child.kill()
    assert list(store.root().iterdir()) == []


def test_removing_a_cluster_ends_its_processes(process: subprocess.Popen[bytes]) -> None:
    found = entry("demo")
    assert found.is_running()
    store.remove(found.directory)
    assert not found.is_running()
    assert not found.directory.exists()
    process.wait(timeout=10)


def test_the_processes_of_other_clusters_are_not_ended(process: subprocess.Popen[bytes]) -> None:
    processes.stop_all(store.directory("demo-2"))
    processes.stop_all(store.directory("dem"))
    assert [one.pid for one in processes.of_cluster(store.directory("demo"))] == [process.pid]


def test_children_of_a_clusters_process_belong_to_it_as_well(tmp_path: Path) -> None:
    where = store.directory("demo")
    where.mkdir(parents=True)
    shell = ["/bin/sh", "-c", "sleep 600 & wait"]
    started = processes.start(shell, where, tmp_path / "log")
    while len(processes.of_cluster(where)) < 2:
        assert started.poll() is None
    processes.stop_all(where)
    assert processes.of_cluster(where) == []


def test_a_process_that_nobody_collects_does_not_hold_up_the_end() -> None:
    where = store.directory("demo")
    uncaring = f"{processes.MARK}={where} sleep 600 & exec sleep 601"
    with subprocess.Popen(["/bin/sh", "-c", uncaring]) as parent:
        while not processes.of_cluster(where):
            assert parent.poll() is None
        processes.stop_all(where, within=2)
        assert parent.poll() is None
        parent.kill()


def test_the_clusters_of_the_environment_are_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/config")
    monkeypatch.setenv("KWOK_WORKDIR", "/home/me/.kwok")
    environment = processes.environment(tmp_path)
    assert "KUBECONFIG" not in environment
    assert {environment[name] for name in (processes.MARK, "KWOK_WORKDIR")} == {str(tmp_path)}
