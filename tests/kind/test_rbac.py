"""What somebody can do who has exactly the roles of manifests/rbac; test_everything.py judges everything with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.commandline import CommandLine, read_until
from kind.roles import permitted
from kind.test_provider import namespaces
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.results import Verdict, read


@pytest.fixture
def limited(cluster: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    with permitted(cluster, tmp_path, "run", "disruptive") as made:
        yield made


@pytest.fixture
def looking(cluster: Cluster, tmp_path: Path) -> Iterator[Kube]:
    with permitted(cluster, tmp_path, "audit") as made:
        yield Kube(made.kubeconfig)


def unschedulable(cluster: Cluster) -> list[str]:
    nodes, _ = Kube(cluster.kubeconfig).list("v1", "Node")
    return [node["metadata"]["name"] for node in nodes if node["spec"].get("unschedulable")]


def test_what_a_killed_run_left_is_undone_by_the_next_that_may_disturb_nothing_itself(
    cluster: Cluster, limited: Cluster, stranger: CommandLine
) -> None:
    where = ["--cluster=existing", f"--kubeconfig={limited.kubeconfig}", "--requirement=survival.node-drain.*"]
    killed = stranger.start("run", *where, "--allow-disruptive")
    read_until(killed, "cluster: existing")
    while not unschedulable(cluster):
        assert killed.poll() is None, killed.communicate()
    killed.kill()
    killed.communicate()
    (node,) = unschedulable(cluster)
    left = namespaces(cluster)

    done = stranger("run", *where, "--report-dir=report")
    assert done.returncode == 3, done.stdout + done.stderr  # nothing was judged
    said = " ".join((done.stdout + done.stderr).split())
    assert f"uncordoned node {node}, which the killed run" in said
    assert set(left) <= set(said.split())
    assert "survival.node-drain.names-follow        MUST 2.4.1  needs allow-disruptive" in done.stdout
    assert set(read(stranger.directory / "report").by_requirement().values()) == {Verdict.UNSUPPORTED}
    assert unschedulable(cluster) == []
    assert namespaces(cluster) == []


LOOKED_AT = (
    *(("v1", kind) for kind in ("Service", "Pod", "Namespace", "Node")),
    ("discovery.k8s.io/v1", "EndpointSlice"),
)


def test_who_audits_sees_what_is_judged_and_changes_nothing(looking: Kube) -> None:
    for version, kind in LOOKED_AT:
        assert looking.list(version, kind)[0], kind
    with pytest.raises(ClusterError, match=r"cannot list resource \"secrets\""):
        looking.list("v1", "Secret")
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kdc-not-allowed"}}
    with pytest.raises(ClusterError, match=r"cannot patch resource \"namespaces\""):
        looking.apply(space)
    node = looking.list("v1", "Node")[0][0]
    with pytest.raises(ClusterError, match=r"cannot patch resource \"nodes\""):
        looking.patch(node, {"spec": {"unschedulable": True}})
