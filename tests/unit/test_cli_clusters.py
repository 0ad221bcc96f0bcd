"""`cluster status` and `cluster down` among clusters that run, that do not run any more, and that are not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kube_dns_conformance.clusters import processes, store
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.clusters.store import Entry
from kube_dns_conformance.dns.model import Server


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kube_dns_conformance", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def save(name: str, *, kept: bool) -> None:
    where = store.directory(name)
    dns = (Server("dns-0", "127.0.0.1", 5300),)
    cluster = Cluster("embedded", name, where / "kubeconfig", None, "cluster.local", dns, frozenset({Capability.IPV4}))
    store.save(Entry(where, kept, cluster))


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """``one`` and ``two`` run, ``stopped`` does not, ``run-1`` is a live run's own, ``strange`` is no cluster."""
    monkeypatch.setenv("KDC_STATE", str(tmp_path / "state"))
    for name in ("one", "stopped", "two"):
        save(name, kept=True)
    with store.held("run-1"):
        save("run-1", kept=False)
    (store.root() / "strange").mkdir()
    started = [
        processes.start(["sleep", "600"], store.directory(name), tmp_path / "log") for name in ("one", "two", "run-1")
    ]
    yield started
    for process in started:
        process.kill()
        process.wait()
    store.end("run-1")


def directories() -> list[str]:
    return sorted(path.name for path in store.root().glob("[!.]*"))


def test_status_shows_what_runs(clusters: object) -> None:
    done = command("cluster", "status", "--json")
    assert [one["name"] for one in json.loads(done.stdout)] == ["one", "run-1", "two"]
    assert json.loads(command("cluster", "status", "--json", "--name=two").stdout)["name"] == "two"


@pytest.mark.parametrize("name", ["stopped", "strange", "never"])
def test_status_of_what_does_not_run_is_one_clear_line(clusters: object, name: str) -> None:
    done = command("cluster", "status", "--name", name)
    assert done.returncode == 3
    assert done.stderr == (
        f"ERROR: cluster {name!r} does not run\n  hint: kube-dns-conformance cluster up --name {name}\n"
    )


def test_a_kind_cluster_is_not_said_to_be_gone_where_no_engine_answers(
    clusters: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Seen by whoever looked for one of the project's own engine outside of tools.on_kind."""
    stopped = store.load(store.directory("stopped"))
    store.save(replace(stopped, provider="kind"))
    monkeypatch.setenv("PATH", str(tmp_path))
    done = command("cluster", "status", "--name=stopped")
    assert done.returncode == 3
    assert done.stderr.startswith(
        "ERROR: kind cluster 'stopped' cannot be seen from here: no container engine answers\n  hint: kind clust"
    )


def test_down_ends_the_one_that_was_named(clusters: list[subprocess.Popen[bytes]]) -> None:
    for name in ("one", "stopped"):
        done = command("cluster", "down", "--name", name)
        assert (done.returncode, done.stderr) == (0, f"cluster {name} is gone\n")
    assert directories() == ["run-1", "strange", "two"]
    assert clusters[0].wait(timeout=10) < 0
    assert clusters[1].poll() is None


@pytest.mark.parametrize(
    ("name", "status", "line"),
    [
        ("run-1", 3, "ERROR: cluster 'run-1' is being started, judged or stopped by another process"),
        ("strange", 2, "ERROR: there is no cluster 'strange'"),
        ("never", 2, "ERROR: there is no cluster 'never'"),
        ("../one", 2, "ERROR: '../one' is not a cluster name"),
        ("", 2, "ERROR: '' is not a cluster name"),
        ("a" * 41, 2, f"ERROR: '{'a' * 41}' is not a cluster name"),
        ("ONE", 2, "ERROR: 'ONE' is not a cluster name"),
    ],
)
def test_down_of_anything_else_is_one_clear_line(clusters: object, name: str, status: int, line: str) -> None:
    done = command("cluster", "down", "--name", name)
    assert done.returncode == status
    assert done.stderr.splitlines()[0] == line
    assert directories() == ["one", "run-1", "stopped", "strange", "two"]


def test_down_all_ends_what_was_kept_and_neither_a_live_run_nor_what_is_not_ours(
    clusters: list[subprocess.Popen[bytes]],
) -> None:
    done = command("cluster", "down", "--all")
    assert (done.returncode, done.stderr) == (0, "cluster one is gone\ncluster stopped is gone\ncluster two is gone\n")
    assert directories() == ["run-1", "strange"]
    assert clusters[2].poll() is None


def test_down_of_one_and_of_all_contradict_each_other(clusters: object) -> None:
    done = command("cluster", "down", "--name=one", "--all")
    assert (done.returncode, done.stderr) == (2, "ERROR: --name and --all contradict each other\n")
    assert directories() == ["one", "run-1", "stopped", "strange", "two"]
    assert command("cluster", "down", "--all", KDC_NAME="one").returncode == 0


def test_down_all_goes_on_after_one_that_cannot_be_ended(clusters: object) -> None:
    with store.held("one"):
        done = command("cluster", "down", "--all")
    assert done.returncode == 3
    assert "ERROR: cluster 'one' is being started, judged or stopped by another process" in done.stderr
    assert directories() == ["one", "run-1", "strange"]


def test_what_nobody_foresaw_is_one_line_and_a_file_with_the_details(tmp_path: Path, clusters: object) -> None:
    (store.directory("one") / "cluster.json").write_text("[" * 200_000)
    done = command("cluster", "status", TMPDIR=str(tmp_path))
    (details,) = tmp_path.glob("kube-dns-conformance-*.txt")
    assert done.returncode == 3
    assert done.stderr.startswith("ERROR: a bug of ours: RecursionError: ")
    assert done.stderr.endswith(f" (details in {details})\n")
    assert done.stderr.count("\n") == 1
    assert "Traceback" in details.read_text()
    assert details.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["run", "--ip-family=ipv5"],
            "Invalid value for '--ip-family' (env var: 'KDC_IP_FAMILY'): 'ipv5' is not one of 'ipv4', 'ipv6', 'dual'.",
        ),
        (["run", "--repeat"], "Option '--repeat' requires an argument."),
        (["run", "--shout"], "No such option: --shout"),
        (["sing"], "No such command 'sing'."),
        (["report"], "Missing argument 'DIRECTORY...'."),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_a_hint(arguments: list[str], line: str) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"ERROR: {line}\n  hint: --help shows every option\n"


def test_without_a_command_the_help_is_shown() -> None:
    done = command()
    assert done.returncode == 2
    assert "Judge a cluster's DNS." in done.stdout + done.stderr
    assert "ERROR" not in done.stderr
