"""Which cluster is meant when nobody says, and what a container engine says about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_dns_conformance.clusters import choice, engine, kind, store
from kube_dns_conformance.clusters.base import Cluster, IpFamily
from kube_dns_conformance.errors import ClusterError, UsageError


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client of an engine that does not answer; tests write another one in its place."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("KDC_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)
    return says(program, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")


def says(program: Path, script: str) -> Path:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def kept(name: str, provider: str, **made: str) -> store.Entry:
    where = store.directory(name)
    cluster = Cluster(provider, name, where / "kubeconfig", None, "cluster.local", (), frozenset())
    entry = store.Entry(where, kept=True, cluster=cluster, made=made, provider=provider)
    store.save(entry)
    return entry


def test_kind_is_meant_where_an_engine_answers_and_embedded_elsewhere(docker: Path) -> None:
    assert choice.choose("", "") == ("embedded", "no container engine answers")
    says(docker, "exit 0")
    assert choice.choose("", "") == ("kind", "a container engine answers")
    assert choice.choose("", "dev") == ("kind", "a container engine answers")


@pytest.mark.parametrize("provider", ["kind", "embedded", "existing"])
def test_what_is_asked_for_is_meant(provider: str) -> None:
    assert choice.choose(provider, "dev") == (provider, "asked for")


def test_the_name_of_a_running_cluster_says_what_it_is(docker: Path) -> None:
    kept("dev", "kind", node="abc")
    says(docker, "echo abc")
    assert choice.choose("", "dev") == ("kind", "dev runs")
    with pytest.raises(UsageError, match=r"'dev' runs already, but not with --cluster embedded \(it has kind\)"):
        store.running(store.directory("dev"), "embedded", {})


def test_another_cluster_of_the_same_name_is_not_ours(docker: Path) -> None:
    entry = kept("dev", "kind", node="abc", engine="E1")
    says(docker, "case $1 in info) echo E1;; *) echo def;; esac")
    assert entry.is_running() is False
    kind.demolish(entry)  # would fail if it tried to delete anything with this engine
    says(docker, "echo E2")
    with pytest.raises(ClusterError, match="was made on another container engine"):
        kind.demolish(entry)


def test_an_engine_that_is_away_keeps_the_entry_for_later() -> None:
    entry = kept("dev", "kind", node="abc", engine="E1")
    with pytest.raises(ClusterError, match="does not answer: Cannot connect to the Docker daemon"):
        store.down("dev")
    assert store.load(entry.directory) == entry


def test_the_engines_clusters_are_listed_each_once(docker: Path) -> None:
    says(docker, "printf 'dev\\ndev\\nother\\n'")
    assert engine.clusters() == {"dev", "other"}


def test_versions_that_kind_cannot_take_are_refused() -> None:
    with pytest.raises(UsageError, match="--tool-version etcd goes with --cluster embedded"):
        kind.Options(versions={"etcd": "3.6.16"}).node_image()


@pytest.mark.parametrize(
    ("options", "image"),
    [
        (kind.Options(family=IpFamily.DUAL), ""),
        (kind.Options(versions={"kubernetes": "v1.36.3"}), "kindest/node:v1.36.3"),
        (kind.Options(image="mirror.example/node:1", versions={"kubernetes": "1.36.3"}), "mirror.example/node:1"),
    ],
)
def test_the_node_image_is_the_named_one_else_that_of_the_version(options: kind.Options, image: str) -> None:
    assert options.node_image() == image
