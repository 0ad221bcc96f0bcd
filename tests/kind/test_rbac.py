"""A kind cluster judged by somebody with exactly the roles of manifests/rbac."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import CoreV1Api

from cluster.commandline import CommandLine, read_until
from kind.test_provider import namespaces
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.resources import folder
from kube_dns_conformance.results import Results, Verdict, read

# Objects of all kinds made and changed, Pods evicted and asked as Pods are, nodes cordoned, DNS scaled.
DOES_SOMETHING = (
    *("externalname.life.*", "readiness.gates.*", "slices.many.*", "datapath.*"),
    *("survival.node-*", "survival.dns-*"),
)
ACCOUNT = {"name": "kdc-tester", "namespace": "default"}


def objects(role: str) -> list[Object]:
    """The role of a file, and its binding to the account of the test."""
    made: Object = yaml.safe_load((folder("manifests") / "rbac" / f"{role}.yaml").read_text())
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"kdc-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": made["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", **ACCOUNT}],
    }
    return [made, binding]


def kubeconfig_of(cluster: Cluster, token: str) -> str:
    """The cluster's kubeconfig with this token in place of the administrator's certificate."""
    config: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    return json.dumps(config)


@contextmanager
def permitted(cluster: Cluster, folder: Path, *roles: str) -> Iterator[Cluster]:
    """The cluster as somebody sees it who has these roles alone."""
    kube = Kube(cluster.kubeconfig)
    items: list[Object] = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": ACCOUNT}]
    items += [item for role in roles for item in objects(role)]
    for item in items:
        kube.apply(item)
    asked: Any = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    api: Any = CoreV1Api(kube.api)
    said = api.create_namespaced_service_account_token(**ACCOUNT, body=asked, _preload_content=False)
    path = folder / "limited"
    path.touch(mode=0o600)
    path.write_text(kubeconfig_of(cluster, json.loads(said.data)["status"]["token"]))
    yield replace(cluster, kubeconfig=path)
    for item in items:
        kube.delete(item)


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


def test_the_smallest_roles_are_enough_for_everything_that_is_done_to_a_cluster(
    limited: Cluster, stranger: CommandLine, everything: Results
) -> None:
    insist_alike(stranger, limited, everything, [f"--requirement={one}" for one in DOES_SOMETHING])


@pytest.mark.release
def test_with_the_smallest_roles_every_verdict_is_the_same(
    limited: Cluster, stranger: CommandLine, everything: Results
) -> None:
    insist_alike(stranger, limited, everything, [])


def insist_alike(stranger: CommandLine, limited: Cluster, everything: Results, chosen: list[str]) -> None:
    """Whoever has not made the cluster may not freeze its nodes; all other verdicts are those of its owner."""
    done, results = stranger.judge(limited, "--allow-disruptive", *chosen, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"survival\.node-lost\.names-return +MUST 2\.4\.1  needs freeze-nodes\n", done.stdout)
    found = results.by_requirement()
    frozen = {name for name in found if name.startswith("survival.node-lost.")}
    owners = {name: verdict for name, verdict in everything.by_requirement().items() if name in found}
    assert found == owners | dict.fromkeys(frozen, Verdict.UNSUPPORTED)


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
