"""Plain ``kind create cluster`` on the node image of our own: nodes, network, DNS, and the images for Pods."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube_dns_conformance.toolchain import Toolchain
from sandbox.machine import Machine
from tools import pods

pytestmark = pytest.mark.release  # one cluster for each address family

CONFIGURATION = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {ipFamily: FAMILY}
nodes: [{role: control-plane}, {role: worker}, {role: worker}]
"""
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}
LOOK_UP = (
    "import json, socket; "
    "print(json.dumps(sorted({found[4][0] for found in socket.getaddrinfo('kubernetes.default', 443)})))"
)


class KindCluster:
    """A kind cluster as kind makes it, and kubectl for it."""

    def __init__(self, machine: Machine, folder: Path, family: str, image: str) -> None:
        self.machine = machine
        self.name = f"test-{family}"
        self.kubeconfig = folder / "kubeconfig"
        self.tools = Toolchain().need("kind", "kubectl")
        configuration = folder / "kind.yaml"
        configuration.write_text(CONFIGURATION.replace("FAMILY", family))
        self.kind("create", "cluster", f"--image={image}", f"--config={configuration}", "--wait=120s")

    def kind(self, *arguments: str) -> str:
        kind = str(self.tools["kind"])
        return self.machine.engine("run", kind, *arguments, f"--name={self.name}", f"--kubeconfig={self.kubeconfig}")

    def kubectl(self, *arguments: str) -> str:
        return self.machine.engine("run", str(self.tools["kubectl"]), f"--kubeconfig={self.kubeconfig}", *arguments)

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "--output=json"))


@pytest.fixture(scope="module", params=["ipv4", "ipv6", "dual"])
def cluster(
    request: pytest.FixtureRequest, engine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KindCluster]:
    done = engine("kind_image", timeout=1800)
    assert done.returncode == 0, done.stderr
    folder = tmp_path_factory.mktemp("cluster")
    made = KindCluster(engine, folder, request.param, done.stdout.split()[0])
    yield made
    made.kind("delete", "cluster")
    assert engine.status()["containers"] == []


def families(addresses: list[str]) -> set[int]:
    return {ipaddress.ip_address(address).version for address in addresses}


def expected_families(cluster: KindCluster) -> set[int]:
    return {"test-ipv4": {4}, "test-ipv6": {6}, "test-dual": {4, 6}}[cluster.name]


def test_all_nodes_and_system_pods_become_ready(cluster: KindCluster) -> None:
    cluster.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=120s")
    cluster.kubectl("wait", "--for=condition=Ready", "pods", "--all", "--namespace=kube-system", "--timeout=120s")
    assert len(cluster.get("nodes")["items"]) == 3
    for node in cluster.get("nodes")["items"]:
        assert families([cidr.split("/")[0] for cidr in node["spec"]["podCIDRs"]]) == expected_families(cluster)


def test_both_resolvers_answer_in_restricted_pods_on_every_node(cluster: KindCluster) -> None:
    cluster.kubectl("create", "namespace", "test")
    cluster.kubectl("label", "namespace", "test", "pod-security.kubernetes.io/enforce=restricted")
    cluster.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=120s")
    for node in ("worker", "worker2"):
        for image in (pods.GLIBC_IMAGE, pods.MUSL_IMAGE):
            _start_pod(cluster, f"{node}-{'musl' if image == pods.MUSL_IMAGE else 'glibc'}", image, node)
    cluster.kubectl("wait", "--for=condition=Ready", "pods", "--all", "--namespace=test", "--timeout=120s")
    expected = sorted(cluster.get("service", "kubernetes")["spec"]["clusterIPs"])
    answers = {}
    for pod in cluster.get("pods", "--namespace=test")["items"]:
        name = pod["metadata"]["name"]
        said = cluster.kubectl("exec", "--namespace=test", name, "--", "python3", "-c", LOOK_UP)
        answers[name] = json.loads(said)
        assert families([one["ip"] for one in pod["status"]["podIPs"]]) == expected_families(cluster)
    assert answers == dict.fromkeys(["worker-glibc", "worker-musl", "worker2-glibc", "worker2-musl"], expected)


def test_every_node_follows_the_services(cluster: KindCluster) -> None:
    cluster.kubectl("wait", "--for=condition=Ready", "pods", "--all", "--namespace=kube-system", "--timeout=120s")
    pods_of = ["--namespace=kube-system", "--selector=k8s-app=kube-proxy", "--tail=-1", "--prefix"]
    lines = cluster.kubectl("logs", *pods_of).splitlines()
    assert len({line.partition(" ")[0] for line in lines}) == 3
    assert [line for line in lines if "Failed to execute" in line or "Sync failed" in line] == []


def _start_pod(cluster: KindCluster, name: str, image: str, node: str) -> None:
    container = {
        "image": image,
        "securityContext": RESTRICTED,
        "command": ["python3", "-c", "import time; time.sleep(3600)"],
    }
    specification = {
        "containers": [{"name": "main", "imagePullPolicy": "Never", **container}],
        "nodeName": f"{cluster.name}-{node}",
        "terminationGracePeriodSeconds": 0,
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "test"}, "spec": specification}
    file = cluster.kubeconfig.with_name(f"{name}.json")
    file.write_text(json.dumps(pod))
    cluster.kubectl("create", f"--filename={file}")
