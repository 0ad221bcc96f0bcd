"""A run on somebody's cluster with exactly the roles of manifests/rbac, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import CoreV1Api

from cluster.commandline import CommandLine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.resources import folder
from kube_dns_conformance.results import Results, Verdict

ACCOUNT = {"name": "kdc-tester", "namespace": "default"}
ROLES = ("run", "disruptive")


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


@pytest.fixture
def limited(cluster: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """The cluster as somebody sees it who has the two roles alone."""
    kube = Kube(cluster.kubeconfig)
    items: list[Object] = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": ACCOUNT}]
    items += [item for role in ROLES for item in objects(role)]
    for item in items:
        kube.apply(item)
    asked: Any = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    api: Any = CoreV1Api(kube.api)
    said = api.create_namespaced_service_account_token(**ACCOUNT, body=asked, _preload_content=False)
    path = tmp_path / "limited"
    path.touch(mode=0o600)
    path.write_text(kubeconfig_of(cluster, json.loads(said.data)["status"]["token"]))
    yield replace(cluster, kubeconfig=path)
    for item in items:
        kube.delete(item)


def verdicts(results: Results) -> dict[Verdict, set[str]]:
    by_requirement = results.by_requirement()
    return {
        one: {name for name, verdict in by_requirement.items() if verdict is one} for one in by_requirement.values()
    }


@pytest.mark.slow
def test_everything_is_judged_with_the_smallest_roles(limited: Cluster, stranger: CommandLine) -> None:
    done, results = stranger.judge(limited, "--allow-disruptive", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(verdicts(results)) == {Verdict.CONFORMANT}
    assert len(results.by_requirement()) >= 33


def test_without_permission_to_disturb_nothing_is_disturbed(limited: Cluster, stranger: CommandLine) -> None:
    done, results = stranger.judge(limited, "--requirement=survival.node-drain.*")
    assert done.returncode == 3, done.stdout + done.stderr  # nothing was judged
    assert "survival.node-drain.names-follow        MUST 2.4.1  needs allow-disruptive" in done.stdout
    assert set(verdicts(results)) == {Verdict.UNSUPPORTED}
