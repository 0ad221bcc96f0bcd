"""The Pods of a spread audit: what is made for them, what they are told and leave, and what is told of the lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kube_dns_conformance.audit import task as tasks
from kube_dns_conformance.audit.findings import Outcome
from kube_dns_conformance.audit.shard import results
from kube_dns_conformance.audit.spread import objects
from kube_dns_conformance.audit.task import Task
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.kube import Object
from kube_dns_conformance.timings import Timings

TASK = Task(
    run="0123abcd",
    namespace="kdc-0123abcd-audit",
    zone="cluster.local",
    servers=(Server("kube-dns", "10.96.0.10", 53), Server("coredns-1", "fd00::2", 53, single=True)),
    namespaces=("shop",),
    rate=500.0,
    timings=Timings(answer=1.0),
    shards=4,
)


def made(task: Task = TASK) -> dict[str, Object]:
    return {item["kind"]: item for item in objects(task, "registry.example/kdc:1", "uid-1")}


def test_what_they_are_told_is_what_they_read(tmp_path: Path) -> None:
    path = tmp_path / "task.json"
    path.write_text(made()["ConfigMap"]["data"]["task.json"])
    assert tasks.read(path) == TASK


def test_an_image_of_another_version_says_so(tmp_path: Path) -> None:
    path = tmp_path / "task.json"
    path.write_text(replace(TASK, version="0.0.1").as_text())
    with pytest.raises(UsageError, match=r"^this image has version .*, and whoever started it 0\.0\.1$"):
        tasks.read(path)


def test_a_job_has_a_pod_for_each_shard() -> None:
    job = made()["Job"]
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (4, 4)
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/kdc:1"


def test_a_daemon_set_has_the_same_pods_on_tainted_nodes_too() -> None:
    pods = made(replace(TASK, shards=0))
    assert "Job" not in pods
    spec = pods["DaemonSet"]["spec"]["template"]["spec"]
    assert spec["containers"] == made()["Job"]["spec"]["template"]["spec"]["containers"]
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert "restartPolicy" not in spec
    assert (
        pods["DaemonSet"]["spec"]["selector"]["matchLabels"].items()
        <= pods["DaemonSet"]["spec"]["template"]["metadata"]["labels"].items()
    )


@pytest.mark.parametrize("shards", [4, 0])
def test_everything_is_the_runs_and_goes_with_its_namespace(shards: int) -> None:
    for item in made(replace(TASK, shards=shards)).values():
        meta: dict[str, Any] = item["metadata"]
        assert meta["labels"]["kube-dns-conformance/run"] == "0123abcd"
        if item["kind"].startswith("Cluster"):
            assert meta["name"] == "kdc-0123abcd-audit"
            assert meta["ownerReferences"] == [
                {"apiVersion": "v1", "kind": "Namespace", "name": "kdc-0123abcd-audit", "uid": "uid-1"}
            ]
        else:
            assert meta["namespace"] == "kdc-0123abcd-audit"


def test_they_may_read_what_is_audited_and_write_in_their_own_namespace() -> None:
    rules = {kind: made()[kind]["rules"] for kind in ("ClusterRole", "Role")}
    assert rules == {
        "ClusterRole": [
            {"apiGroups": [""], "resources": ["services", "pods"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ],
        "Role": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch"]}],
    }
    bindings = [made()[kind] for kind in ("ClusterRoleBinding", "RoleBinding")]
    assert [one["subjects"] for one in bindings] == [
        [{"kind": "ServiceAccount", "name": "audit", "namespace": "kdc-0123abcd-audit"}]
    ] * 2
    assert [one["roleRef"]["name"] for one in bindings] == ["kdc-0123abcd-audit", "audit"]


def test_much_is_left_in_pieces_that_a_config_map_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Outcome(incomplete=["".join(f"{at:08x}" for at in range(2000))])
    monkeypatch.setattr("kube_dns_conformance.audit.shard.PIECE_BYTES", 1000)
    left = results(TASK, "audit-2-x7", "2", one)
    assert len(left) > 2
    assert [item["metadata"]["name"] for item in left] == [f"audit-2-x7-{at}" for at in range(len(left))]
    assert all(len(item["binaryData"]["outcome"]) <= 1336 for item in left)
    assert all(json.dumps(item) for item in left)
