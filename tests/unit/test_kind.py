"""No kind cluster of somebody else is ever deleted for having the name of ours."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from kube_dns_conformance.clusters import engine, kind, kindctl, store
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.errors import ClusterError, UsageError
from kube_dns_conformance.kube import Kube

BEGAN = 1_700_000_000.0


class Engine:
    """A container engine with one kind cluster, and what kind was told to do there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.nodes: dict[str, float] = {}
        self.deleted: list[str] = []

    def delete(self, directory: Path, _tools: object) -> None:
        self.deleted.append(directory.name)
        self.nodes = {}

    def create(self, *_: object) -> Path:
        self.nodes = {"theirs": BEGAN}
        raise kindctl.NameTakenError("kind create failed: node(s) already exist")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("KDC_STATE", str(tmp_path / "state"))
    made = Engine(store.directory("demo"))
    monkeypatch.setattr(engine, "identity", lambda: "E1")
    monkeypatch.setattr(engine, "clusters", lambda: {"demo"} if made.nodes else set())
    monkeypatch.setattr(engine, "nodes", lambda *_, **__: list(made.nodes))
    monkeypatch.setattr(engine, "created", lambda node: made.nodes[node])
    monkeypatch.setattr(kindctl, "delete", made.delete)
    monkeypatch.setattr(kindctl, "create", made.create)
    monkeypatch.setattr("kube_dns_conformance.toolchain.Toolchain.need", lambda *_: {})
    return made


def kept(kubernetes: str) -> None:
    """The entry of a cluster that runs."""
    where = store.directory("demo")
    cluster = Cluster("kind", "demo", where / "kubeconfig", None, "cluster.local", (), frozenset(), kubernetes)
    made = {"engine": "E1", "node": "ours"}
    store.save(store.Entry(where, kept=True, cluster=cluster, made=made, provider="kind"))


def abandoned(**made: str) -> None:
    """The entry of a cluster whose making was cut off."""
    where = store.directory("demo")
    store.save(store.Entry(where, kept=False, cluster=None, made={"engine": "E1"} | made, provider="kind"))
    os.utime(where / "cluster.json", (BEGAN, BEGAN))


def test_a_cluster_that_appeared_while_ours_was_to_be_made_stays(there: Engine) -> None:
    with pytest.raises(UsageError, match="there is a kind cluster 'demo' already"):
        kind.up("demo", kind.Options(), keep=True)
    assert there.deleted == []
    assert there.nodes == {"theirs": BEGAN}
    assert not there.directory.exists()


def test_a_cluster_that_was_upgraded_since_it_was_made_says_so(there: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    there.nodes = {"ours": BEGAN}
    kept(kubernetes="1.36.3")
    monkeypatch.setattr(Kube, "__init__", lambda *_: None)
    monkeypatch.setattr(Kube, "version", lambda _: "1.37.2")
    assert kind.up("demo", kind.Options(), keep=True).kubernetes == "1.37.2"


@pytest.mark.parametrize(
    ("nodes", "deleted"),
    [
        ({"a": BEGAN + 1, "b": BEGAN + 2}, ["demo"]),
        ({"a": BEGAN - 1, "b": BEGAN + 2}, []),
        ({}, []),
    ],
)
def test_what_a_killed_making_left_is_deleted_only_if_it_came_after_it_began(
    there: Engine, nodes: dict[str, float], deleted: list[str]
) -> None:
    abandoned()
    there.nodes = nodes
    assert store.remove_abandoned() == ["demo"]
    assert there.deleted == deleted
    assert not there.directory.exists()


@pytest.mark.parametrize(("node", "deleted"), [("a", ["demo"]), ("gone", [])])
def test_a_node_that_is_known_decides_alone(there: Engine, node: str, deleted: list[str]) -> None:
    abandoned(node=node)
    there.nodes = {"a": BEGAN - 1}
    store.remove_abandoned()
    assert there.deleted == deleted


def engine_that_says(text: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = directory / "docker"
    program.write_text(f"#!/bin/sh\necho '{text}'\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)


@pytest.mark.parametrize(
    ("text", "epoch"), [("2023-11-14T22:13:20.5Z", BEGAN + 0.5), ("2023-11-14T22:13:20.123456789Z", BEGAN + 0.123456)]
)
def test_the_engine_says_when_a_node_was_created(
    text: str, epoch: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_that_says(text, tmp_path, monkeypatch)
    assert engine.created("a") == pytest.approx(epoch, abs=1e-5)


def test_an_engine_that_says_no_time_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_that_says("yesterday", tmp_path, monkeypatch)
    with pytest.raises(ClusterError, match="'yesterday'"):
        engine.created("a")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "inotify_init: too many open files",
            "the kubelet of worker2 says 'too many open files': raise fs.inotify.max_user_instances and",
        ),
        ("the node is not found", None),
    ],
)
def test_a_node_that_does_not_come_is_explained(
    text: str, why: str | None, there: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nobody:
        def __init__(self, _kubeconfig: Path) -> None:
            pass

        def list(self, _api_version: str, _kind: str) -> tuple[list[Any], str]:
            return [], "1"

    def create(*_: object) -> Path:
        there.nodes = {"a": time.time()}
        return tmp_path / "kubeconfig"

    monkeypatch.setattr(kindctl, "create", create)
    monkeypatch.setattr(kind, "Kube", Nobody)
    monkeypatch.setattr(kind, "READY_SECONDS", 0.0)
    monkeypatch.setattr(engine, "name", lambda _: "worker2")
    monkeypatch.setattr(engine, "said_by_kubelet", lambda *_: text)
    with pytest.raises(ClusterError, match=r"cluster 'demo' was not ready within 0 s: 3 nodes, every Pod") as caught:
        kind.up("demo", kind.Options(), keep=True)
    assert (caught.value.hint or "").startswith(why or "")
    assert bool(caught.value.hint) == bool(why)
    assert there.deleted == ["demo"]


def test_podman_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
    with pytest.raises(ClusterError, match="podman"):
        engine.identity()
    assert not engine.answers()


def test_kind_says_that_the_name_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    error = 'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "demo"'
    program.write_text(f"#!/bin/sh\necho '{error}'\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))
    tools: Any = {"kind": tmp_path, "kubectl": tmp_path}
    with pytest.raises(kindctl.NameTakenError, match="already exist"):
        kindctl.create(tmp_path, tools, "", tmp_path, lambda _line: None)
