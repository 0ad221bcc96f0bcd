"""A kind cluster as somebody sees it who has exactly the roles of manifests/rbac."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import CoreV1Api

from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.resources import folder

ACCOUNT = {"name": "kdc-tester", "namespace": "default"}


@contextmanager
def permitted(cluster: Cluster, folder: Path, *roles: str) -> Iterator[Cluster]:
    """The cluster for an account with these roles alone; its kubeconfig is in the folder."""
    kube = Kube(cluster.kubeconfig)
    items: list[Object] = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": ACCOUNT}]
    items += [item for role in roles for item in _objects(role)]
    for item in items:
        kube.apply(item)
    asked: Any = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    api: Any = CoreV1Api(kube.api)
    said = api.create_namespaced_service_account_token(**ACCOUNT, body=asked, _preload_content=False)
    path = folder / "limited"
    path.touch(mode=0o600)
    path.write_text(_kubeconfig_of(cluster, json.loads(said.data)["status"]["token"]))
    yield replace(cluster, kubeconfig=path)
    for item in items:
        kube.delete(item)


def _objects(role: str) -> list[Object]:
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


def _kubeconfig_of(cluster: Cluster, token: str) -> str:
    """The cluster's kubeconfig with this token in place of the administrator's certificate."""
    config: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    return json.dumps(config)
