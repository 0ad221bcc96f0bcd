"""What a killed run left is deleted by the next on the same cluster, and nothing else ever is."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance import leftovers, locks
from kube_dns_conformance.clusters import store
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.scaling import Deployment

SERVER = "https://10.0.0.1:6443"
NODE = "worker-1"
DNS = Deployment("kube-system", "coredns")
SPACES = ("kdc-left-a", "kdc-left-b")
RUNNER = """
import sys
from kube_dns_conformance import leftovers, locks
from kube_dns_conformance.clusters import store
leftovers.note("left", sys.argv[1], ["kdc-left-a", "kdc-left-b"])
print("noted", flush=True)
sys.stdin.read()
"""


def merged(item: Object, patch: Object) -> Object:
    """A JSON merge patch (RFC 7396)."""
    new = {key: merged(item.get(key, {}), value) if isinstance(value, dict) else value for key, value in patch.items()}
    return {key: value for key, value in (item | new).items() if value is not None}


class Cluster:
    """An API server that holds namespaces."""

    def __init__(self, host: str = SERVER, run: str = "left") -> None:
        self.host = host
        self.spaces: dict[str, Object] = {}
        self.refuses: set[str] = set()
        marks = {"kube-dns-conformance/run": run, "theirs": "stays"}
        self.node: Object = {
            "metadata": {"name": NODE, "resourceVersion": "7", "annotations": marks},
            "spec": {"unschedulable": True},
        }
        self.dns: Object = {
            "metadata": {
                "name": DNS.name,
                "namespace": DNS.namespace,
                "resourceVersion": "7",
                "annotations": marks | {"kube-dns-conformance/replicas": "2"},
            },
            "spec": {"replicas": 1},
        }
        for name in SPACES:
            self.spaces[name] = {"metadata": {"name": name, "labels": {"kube-dns-conformance/run": run}}}

    def get(self, _version: str, kind: str, name: str) -> Object:
        if kind == "Node" and name == NODE:
            return self.node
        if name not in self.spaces:
            raise NotFoundError(SimpleNamespace(status=404, reason="", body="", headers={}))
        return self.spaces[name]

    def delete(self, item: Object) -> None:
        if item["metadata"]["name"] in self.refuses:
            raise ClusterError("not allowed")
        del self.spaces[item["metadata"]["name"]]

    def patch(self, item: Object, body: Object) -> None:
        if item["metadata"]["name"] in self.refuses:
            raise ClusterError("not allowed")
        if item["kind"] == "Deployment":
            self.dns = merged(self.dns, body)
        else:
            self.node = merged(self.node, body)

    def cleaned(self) -> list[str]:
        return leftovers.delete(cast("Kube", self))

    def list(self, _version: str, kind: str, namespace: str) -> tuple[Sequence[Object], str]:
        assert (kind, namespace) == ("Deployment", DNS.namespace)
        return [self.dns], "7"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KDC_STATE", str(tmp_path / "state"))
    return tmp_path / "state" / "runs"


def killed_run(*nodes: str, frozen: Iterable[str] = (), scaled: Iterable[Deployment] = ()) -> None:
    """What a run leaves that was killed: its note, and a lock that nobody holds."""
    leftovers.note("left", SERVER, SPACES, nodes, frozen, scaled)
    locks.release(store.root().parent / "runs" / "left.lock")


def test_a_note_is_believed_as_soon_as_its_run_was_killed_and_not_before(state: Path) -> None:
    cluster = Cluster()
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "noted\n"
        assert cluster.cleaned() == []
        assert set(cluster.spaces) == set(SPACES)
        runner.kill()
        runner.wait()
        assert len(cluster.cleaned()) == 1
    assert list(state.iterdir()) == []


def test_the_namespaces_of_a_killed_run_are_deleted(state: Path) -> None:
    killed_run()
    cluster = Cluster()
    assert cluster.cleaned() == ["deleted what the killed run left left: kdc-left-a kdc-left-b"]
    assert cluster.spaces == {}
    assert list(state.iterdir()) == []
    assert cluster.cleaned() == []


def test_another_cluster_is_not_touched_and_the_note_stays_for_its_own() -> None:
    killed_run()
    assert Cluster(host="https://10.0.0.2:6443").cleaned() == []
    assert len(Cluster().cleaned()) == 1


def test_a_note_of_another_machine_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    killed_run()
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    cluster = Cluster()
    assert cluster.cleaned() == []
    assert set(cluster.spaces) == set(SPACES)


def test_a_namespace_without_the_mark_of_that_run_is_somebody_elses() -> None:
    killed_run()
    cluster = Cluster(run="other")
    assert cluster.cleaned() == []
    assert set(cluster.spaces) == set(SPACES)


def test_a_namespace_that_is_on_its_way_out_is_left_to_it() -> None:
    killed_run()
    cluster = Cluster()
    cluster.spaces["kdc-left-a"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert cluster.cleaned() == ["deleted what the killed run left left: kdc-left-b"]


def test_what_cannot_be_deleted_is_tried_again_by_the_next_run() -> None:
    killed_run()
    cluster = Cluster()
    cluster.refuses.add("kdc-left-a")
    assert cluster.cleaned() == ["could not delete namespace kdc-left-a: not allowed"]
    cluster.refuses.clear()
    assert cluster.cleaned() == ["deleted what the killed run left left: kdc-left-a"]


def test_a_node_that_a_killed_run_left_cordoned_is_uncordoned(state: Path) -> None:
    killed_run(NODE, "gone-1")
    cluster = Cluster()
    assert cluster.cleaned()[0] == "uncordoned node worker-1, which the killed run left left cordoned"
    assert cluster.node["spec"] == {}
    assert cluster.node["metadata"]["annotations"] == {"theirs": "stays"}
    assert list(state.iterdir()) == []


def test_a_node_without_the_mark_of_that_run_stays_cordoned(state: Path) -> None:
    killed_run(NODE)
    cluster = Cluster(run="other")
    assert cluster.cleaned() == []
    assert cluster.node["spec"] == {"unschedulable": True}
    assert list(state.iterdir()) == []


def test_a_node_that_cannot_be_uncordoned_is_tried_again_by_the_next_run() -> None:
    killed_run(NODE)
    cluster = Cluster()
    cluster.refuses.add(NODE)
    assert "node worker-1 stays cordoned by the killed run left: not allowed" in cluster.cleaned()
    cluster.refuses.clear()
    assert cluster.cleaned() == ["uncordoned node worker-1, which the killed run left left cordoned"]


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container engine with one frozen node: as long as this file is there, it is."""
    marker = tmp_path / "frozen"
    marker.touch()
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\n[ "$1" = inspect ] && {{ [ -e {marker} ] && echo true || echo false; }}\n'
        f'[ "$1" = unpause ] && [ "$2" = {NODE} ] && rm {marker}\nexit 0\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return marker


def test_a_node_that_a_killed_run_left_frozen_goes_on(state: Path, frozen: Path) -> None:
    killed_run(frozen=[NODE, "gone-1"])
    cluster = Cluster()
    assert cluster.cleaned()[0] == "unfroze node worker-1, which the killed run left left frozen"
    assert not frozen.exists()
    assert list(state.iterdir()) == []


def test_a_node_that_went_on_before_is_not_spoken_of(frozen: Path) -> None:
    frozen.unlink()
    killed_run(frozen=[NODE])
    assert Cluster().cleaned() == ["deleted what the killed run left left: kdc-left-a kdc-left-b"]


def test_a_node_that_stays_frozen_is_tried_again_by_the_next_run(
    state: Path, frozen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_run(frozen=[NODE])
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        assert Cluster().cleaned()[-1].startswith("node worker-1 stays frozen by the killed run left: docker is not in")
    assert Cluster().cleaned()[0] == "unfroze node worker-1, which the killed run left left frozen"
    assert list(state.iterdir()) == []


def test_dns_that_a_killed_run_left_scaled_is_scaled_back(state: Path) -> None:
    killed_run(scaled=[DNS])
    cluster = Cluster()
    assert cluster.cleaned()[0] == "scaled back Deployment coredns, which the killed run left left scaled"
    assert cluster.dns["spec"] == {"replicas": 2}
    assert cluster.dns["metadata"]["annotations"] == {"theirs": "stays"}
    assert list(state.iterdir()) == []


def test_dns_that_stays_scaled_is_tried_again_by_the_next_run(state: Path) -> None:
    killed_run(scaled=[DNS])
    cluster = Cluster()
    cluster.refuses.add(DNS.name)
    assert cluster.cleaned()[-1] == "Deployment coredns stays scaled by the killed run left: not allowed"
    cluster.refuses.clear()
    assert cluster.cleaned()[0].startswith("scaled back Deployment coredns")
    assert list(state.iterdir()) == []


def test_dns_that_another_run_scales_is_left_to_it() -> None:
    killed_run(scaled=[DNS])
    cluster = Cluster(run="other")
    assert cluster.cleaned() == []
    assert cluster.dns["spec"] == {"replicas": 1}


def test_what_was_noted_first_stays_when_noting_more_is_cut_off(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_run()

    def cut_off(path: Path, _text: str) -> None:
        path.open("w").close()
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", cut_off)
        with pytest.raises(OSError, match="no space"):
            leftovers.note("left", SERVER, [*SPACES, "kdc-left-c"])
    locks.release(state / "left.lock")
    assert Cluster().cleaned() == ["deleted what the killed run left left: kdc-left-a kdc-left-b"]
    assert list(state.iterdir()) == []


def test_a_note_that_was_cut_off_is_thrown_away(state: Path) -> None:
    state.mkdir(parents=True)
    (state / "left.json").write_text('{"mach')
    assert Cluster().cleaned() == []
    assert list(state.iterdir()) == []


def test_a_run_that_ended_well_leaves_no_note(state: Path) -> None:
    leftovers.note("mine", SERVER, SPACES)
    assert len(list(state.iterdir())) == 2
    assert Cluster(run="mine").cleaned() == []
    leftovers.forget("mine")
    assert list(state.iterdir()) == []
