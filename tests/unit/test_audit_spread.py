"""The Pods of a spread audit: what is made for them, what they are told and leave, and what is told of the lost."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance.audit import task as tasks
from kube_dns_conformance.audit.findings import Outcome
from kube_dns_conformance.audit.shard import results
from kube_dns_conformance.audit.spread import objects, spread
from kube_dns_conformance.audit.task import Task
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError, ExitCode, UsageError
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
    served=("A",),
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


class Cluster:
    """A cluster in memory: what `spread` makes there, and what becomes of it as the test says."""

    def __init__(self, pods: list[Object], left: list[Object], status: Object, nodes: tuple[str, ...] = ()) -> None:
        self.pods, self.left, self.status, self.nodes = pods, left, status, nodes
        self.made: list[str] = []
        self.is_deleted = False
        self.looks: list[Callable[[], None]] = []
        self.let_go: list[str] = []

    def create(self, item: Object) -> Object:
        self.made.append(item["kind"])
        return item | {"metadata": item["metadata"] | {"uid": "uid-1"}}

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> Object:
        assert kind in self.made
        if self.is_deleted:
            raise NotFoundError(ApiException(404))
        return {"status": self.status}

    def objects(self, kind: str, namespace: str) -> list[Object]:
        if self.looks:
            self.looks.pop(0)()
        return self.pods

    def patch_status(self, item: Object, body: Object) -> Object:
        self.let_go.append(f"{item['metadata']['name']} is {body['status']['phase']}")
        return body

    def delete(self, item: Object, grace_period_seconds: int) -> None:
        self.let_go.append(f"{item['metadata']['name']} is deleted after {grace_period_seconds} s")
        self.status = COMPLETE

    def list(self, api_version: str, kind: str, **options: Any) -> tuple[list[Object], str]:
        if kind == "ConfigMap":
            return self.left, "1"
        return [
            {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}
            for name, ready in (one.split("=") for one in self.nodes)
        ], "1"


COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 2}
FAILED = {"conditions": [{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True"}]}
TWO = replace(TASK, shards=2)
NODES = replace(TASK, shards=0)


def spread_in(cluster: Cluster, task: Task = TWO) -> Outcome:
    return spread(cluster, cluster, task, "registry.example/kdc:1")  # type: ignore[arg-type]


def pod_of(index: int, state: Object, node: str = "node-a", **meta: Any) -> Object:
    labels = {"batch.kubernetes.io/job-completion-index": str(index)} if index >= 0 else {}
    status = {"image": "registry.example/kdc:1", "state": state, "restartCount": 0}
    return {
        "metadata": {"name": f"audit-{index}-{node}", "uid": f"{index}-{node}", "labels": labels} | meta,
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def found(asked: int) -> Outcome:
    return Outcome(asked=Counter({("2.4.1", "A"): asked}), services=1, all_services=3)


RUNS: Object = {"running": {}}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube_dns_conformance.audit.waiting.LOOK_SECONDS", 0.02)


def test_what_the_shards_left_is_put_together() -> None:
    left = results(TWO, "audit-0-a", "0", found(3)) + results(TWO, "audit-1-a", "1", found(4))
    assert spread_in(Cluster([pod_of(0, RUNS), pod_of(1, RUNS)], left, COMPLETE)) == found(7)


def test_what_two_pods_left_of_one_shard_counts_once() -> None:
    left = results(TWO, "audit-0-a", "0", found(3)) + results(TWO, "audit-0-b", "0", found(3))
    left += results(TWO, "audit-1-a", "1", found(4))
    assert spread_in(Cluster([pod_of(0, RUNS)], left, COMPLETE)) == found(7)


def test_what_was_left_by_halves_is_missing_and_so_is_what_was_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube_dns_conformance.audit.shard.PIECE_BYTES", 100)
    first, *_ = results(TWO, "audit-0-a", "0", found(3))
    ended = {
        "terminated": {
            "exitCode": 3,
            "message": "… asking, 4 s\nERROR: kube-dns cannot be asked any more\n  hint: look",
        }
    }
    outcome = spread_in(Cluster([pod_of(0, RUNS), pod_of(1, ended)], [first], FAILED))
    assert outcome.incomplete == [
        "shard 1 of 2 left nothing: none of its Pods came to its end",
        "shard 2 of 2 left nothing: exit status 3: ERROR: kube-dns cannot be asked any more",
    ]
    assert outcome.exit_code() is ExitCode.COULD_NOT_JUDGE


def test_a_pod_that_does_not_end_is_on_a_lost_node_and_given_up(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube_dns_conformance.audit.waiting.GONE_SECONDS", 0.1)
    stuck = pod_of(0, RUNS, deletionTimestamp="2026-11-29T12:00:00Z")
    left = results(TWO, "audit-0-b", "0", found(3)) + results(TWO, "audit-1-a", "1", found(4))
    cluster = Cluster([stuck, pod_of(1, RUNS)], left, {})
    assert spread_in(cluster) == found(7)
    assert cluster.let_go == ["audit-0-node-a is Failed", "audit-0-node-a is deleted after 0 s"]


def test_an_image_that_nobody_has_is_told_at_once() -> None:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    with pytest.raises(
        ClusterError, match=r"^the image registry.example/kdc:1 of the audit cannot be pulled: not found"
    ):
        spread_in(Cluster([pod_of(0, waiting), pod_of(1, waiting)], [], {}))


def test_pods_that_nobody_starts_are_told_with_the_reason_of_the_scheduler() -> None:
    waits = pending(0, "0/3 nodes are available")
    with pytest.raises(ClusterError, match=r"^no Pod of the audit has started: 0/3 nodes are available"):
        spread_in(Cluster([waits], [], {}), IMPATIENT)


def pending(index: int, message: str = "0/3 nodes have enough memory") -> Object:
    made = pod_of(index, {"waiting": {"reason": "ContainerCreating"}})
    unscheduled = {"type": "PodScheduled", "status": "False", "message": message}
    made["status"] |= {"phase": "Pending", "conditions": [unscheduled]}
    return made


IMPATIENT = replace(TWO, timings=Timings(settle=0.2))


def test_a_shard_that_nobody_starts_is_named_when_the_others_have_ended(quick: None) -> None:
    ended = pod_of(0, {"terminated": {"exitCode": 0}})
    ended["status"]["phase"] = "Succeeded"
    outcome = spread_in(Cluster([ended, pending(1)], results(TWO, "audit-0-a", "0", found(3)), {}), IMPATIENT)
    assert outcome.asked == found(3).asked
    assert outcome.incomplete == ["shard 2 of 2 left nothing: 0/3 nodes have enough memory"]


def test_nobody_is_given_up_while_another_one_is_at_work(quick: None) -> None:
    cluster = Cluster([pod_of(0, RUNS), pending(1)], [], {})

    def ends() -> None:
        cluster.left = results(TWO, "audit-0-a", "0", found(3)) + results(TWO, "audit-1-a", "1", found(4))
        cluster.status = COMPLETE

    cluster.looks = [lambda: time.sleep(0.1)] * 5 + [ends]
    assert spread_in(cluster, IMPATIENT) == found(7)


def test_what_is_evicted_again_and_again_is_not_waited_for_for_ever(quick: None) -> None:
    cluster = Cluster([], [], {})

    def again(at: int) -> None:
        cluster.pods = [pod_of(0, RUNS, uid=f"uid-{at}")]

    cluster.looks = [partial(again, at) for at in range(1000)]
    outcome = spread_in(cluster, IMPATIENT)
    assert outcome.incomplete[0] == "shard 1 of 2 left nothing: none of its Pods came to its end"


def test_a_job_that_somebody_deletes_is_no_bug_of_ours(quick: None) -> None:
    cluster = Cluster([pod_of(0, RUNS)], [], {})
    cluster.is_deleted = True
    with pytest.raises(ClusterError, match=r"^somebody has deleted the Job of the audit$"):
        spread_in(cluster)


def test_halves_of_two_lives_of_a_pod_are_no_whole(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube_dns_conformance.audit.shard.PIECE_BYTES", 100)
    first, second = (results(TWO, "audit-0-a", "0", found(at)) for at in (3, 4))
    assert len(first) == len(second) == 2
    left = [first[0], second[1], *results(TWO, "audit-1-a", "1", found(4))]
    outcome = spread_in(Cluster([pod_of(1, RUNS)], left, COMPLETE))
    assert outcome.incomplete == ["shard 1 of 2 left nothing: none of its Pods came to its end"]


def on_node(node: str, state: Object, *, ready: bool = False) -> Object:
    made = pod_of(-1, state, node)
    if ready:
        made["status"] |= {"conditions": [{"type": "Ready", "status": "True"}], "podIPs": [{"ip": "10.244.0.9"}]}
    return made


READY = ("node-a=True", "node-b=True")
BOTH = {"desiredNumberScheduled": 2}
LEFT_BY_A = results(NODES, "audit-a", "node-a", found(3))


@pytest.mark.parametrize(
    ("other", "nodes", "why"),
    [
        (on_node("node-b", RUNS), ("node-a=True", "node-b=Unknown"), "its node is not ready"),
        (on_node("node-b", {"waiting": {"reason": "ErrImagePull", "message": "not found"}}), READY, "not found"),
        (
            on_node(
                "node-b",
                {"waiting": {"reason": "CrashLoopBackOff"}, "terminated": {"exitCode": 2, "message": "ERROR: x"}},
            ),
            READY,
            "exit status 2: ERROR: x",
        ),
        (on_node("node-b", RUNS, ready=True), READY, "none of its Pods came to its end"),
    ],
    ids=["its node is lost", "no image", "wrong usage", "ready and nothing left"],
)
def test_every_node_is_heard_or_named(quick: None, other: Object, nodes: tuple[str, ...], why: str) -> None:
    cluster = Cluster([on_node("node-a", RUNS, ready=True), other], LEFT_BY_A, BOTH, nodes)
    outcome = spread_in(cluster, replace(NODES, timings=Timings(settle=0.2)))
    assert outcome.asked == found(3).asked
    assert outcome.incomplete == [f"node node-b left nothing: {why}"]
    assert outcome.exit_code() is ExitCode.COULD_NOT_JUDGE


def test_a_node_that_gets_no_pod_is_counted(quick: None) -> None:
    cluster = Cluster([on_node("node-a", RUNS, ready=True)], LEFT_BY_A, BOTH, READY)
    outcome = spread_in(cluster, replace(NODES, timings=Timings(settle=0.2)))
    assert outcome.incomplete == ["1 more nodes left nothing: there was no Pod for them"]


def test_a_pod_that_a_daemon_set_wants_on_a_node_and_nobody_puts_there_is_that_nodes(quick: None) -> None:
    waits = pending(-1, "too many Pods")
    del waits["spec"]["nodeName"]
    fields = [{"key": "metadata.name", "operator": "In", "values": ["node-b"]}]
    terms = {"nodeSelectorTerms": [{"matchFields": fields}]}
    waits["spec"]["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    cluster = Cluster([on_node("node-a", RUNS, ready=True), waits], LEFT_BY_A, BOTH, READY)
    outcome = spread_in(cluster, replace(NODES, timings=Timings(settle=0.2)))
    assert outcome.incomplete == ["node node-b left nothing: too many Pods"]
