"""Audits of a kind cluster from inside: by one, in shards, and from every node.

These tests are the last: what the others left has gone by then.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import many
from cluster.commandline import CommandLine
from kind import bad_upgrades
from kind.conftest import REMOTE_TAG
from kind.roles import permitted
from kind.test_provider import namespaces
from kube_dns_conformance.clusters import engine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import Kube, Object
from objects import endpoint, endpoint_slice, headless

SPACE = "shards"
SERVICES = 20
SPREAD = (f"--namespace={SPACE}", f"--image={REMOTE_TAG}", "--report-dir=spread")
LIE = 'template IN A s7.shards.svc.cluster.local {\n       answer "{{ .Name }} 5 IN A 192.0.2.77"\n    }\n    '


@pytest.fixture(scope="module")
def services(cluster: Cluster) -> Iterator[None]:
    """Enough to be asked for some seconds."""
    kube = Kube(cluster.kubeconfig)
    space: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    kube.apply(space)
    many.send(kube, map(many.applicable, _services()))
    yield
    kube.delete(space)


def _services() -> Iterator[Object]:
    ports = [("http", 80)]
    for at in range(SERVICES):
        some = [endpoint(f"192.0.2.{10 * at + one}", hostname=f"e{one}") for one in range(3)]
        yield headless(f"s{at}", namespace=SPACE, ports=ports)
        yield endpoint_slice(*some, of=f"s{at}", name=f"s{at}", namespace=SPACE, ports=ports)


@pytest.fixture
def limited(cluster: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    with permitted(cluster, tmp_path, "run", "shards") as made:
        yield made


@pytest.fixture
def lying(cluster: Cluster, kubectl: list[str], restored: None) -> None:
    """A DNS that lies about one of the Services."""
    for command in bad_upgrades.corefile(kubectl, LIE + bad_upgrades.KUBERNETES):
        subprocess.run(command, check=True, capture_output=True)


def outcome(command: CommandLine, folder: str) -> Any:
    """What a finished audit said in the end, but for how long it took."""
    *_, last = (command.directory / folder / "audit.jsonl").read_text().splitlines()
    found = json.loads(last)
    assert found["kind"] == "end"
    return {name: found[name] for name in ("outcome", "records", "unknown", "incomplete")} | {
        "differences": [(one["name"], one["type"], one["message"]) for one in found["differences"]]
    }


def alone(command: CommandLine, cluster: Cluster) -> Any:
    """What one who asks all finds."""
    where = f"--kubeconfig={cluster.kubeconfig}"
    command("audit", where, f"--namespace={SPACE}", "--report-dir=alone")
    return outcome(command, "alone")


def working(kube: Kube, going: subprocess.Popen[str], count: int, *but: Object) -> list[Object]:
    """So many Pods of the audit that are at it, and are none of these."""
    names = {one["metadata"]["name"] for one in but}
    while going.poll() is None:
        pods, _ = kube.list("v1", "Pod", label_selector="app=kdc-audit")
        found = [pod for pod in pods if pod["status"].get("phase") == "Running" and not _ends(pod)]
        found = [pod for pod in found if pod["metadata"]["name"] not in names]
        if len(found) == count:
            return found
        time.sleep(0.1)
    pytest.fail(f"it has ended: {going.communicate()[0]}")


def test_an_audit_from_inside_finds_nothing_wrong(cluster: Cluster, command: CommandLine) -> None:
    done = command("audit", f"--name={cluster.name}", "--json", "--report-dir=audit")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["outcome"], said["differences"], said["unknown"]) == ("conformant", [], {})
    assert {row["section"] for row in said["records"]} >= {"2.3.1", "2.3.2", "2.3.3"}  # address, SRV, reverse
    assert namespaces(cluster) == []


@pytest.mark.usefixtures("image", "services")
def test_shards_find_what_one_alone_finds_with_the_smallest_roles_though_one_is_killed(
    cluster: Cluster, limited: Cluster, stranger: CommandLine
) -> None:
    kube = Kube(cluster.kubeconfig)
    where = f"--kubeconfig={limited.kubeconfig}"
    going = stranger.start("audit", where, *SPREAD, "--shards=2", "--max-qps=100")
    first = working(kube, going, 2)
    kube.delete(first[0], grace_period_seconds=0)
    working(kube, going, 1, *first)  # in its place
    said, _ = going.communicate(timeout=120)
    assert going.returncode == 0, said
    assert outcome(stranger, "spread") == alone(stranger, limited)
    assert f"{SERVICES} of " in said
    assert namespaces(cluster) == []


@pytest.mark.release
@pytest.mark.usefixtures("image", "services", "lying")
def test_shards_find_the_same_lies_though_a_node_is_stopped(
    cluster: Cluster, command: CommandLine, kubectl: list[str]
) -> None:
    for one in bad_upgrades.scale(kubectl, 1):
        subprocess.run(one, check=True, capture_output=True)
    expected = alone(command, cluster)
    assert {name for name, _, _ in expected["differences"]} >= {"s7.shards.svc.cluster.local."}
    kube = Kube(cluster.kubeconfig)
    (dns,) = (pod["spec"]["nodeName"] for pod in _dns(kube))
    going = command.start(
        "audit", f"--kubeconfig={cluster.kubeconfig}", *SPREAD, "--shards=4", "--max-qps=40", "--timing=propagation=5"
    )
    stopped = next(pod["spec"]["nodeName"] for pod in working(kube, going, 4) if pod["spec"]["nodeName"] != dns)
    engine.pause(stopped)
    try:
        said, _ = going.communicate(timeout=240)
    finally:
        engine.unpause(stopped)
    assert going.returncode == 1, said
    assert outcome(command, "spread") == expected


@pytest.mark.release
@pytest.mark.usefixtures("image_everywhere", "services", "lying")
def test_every_node_finds_the_same_lies_and_says_so(cluster: Cluster, command: CommandLine) -> None:
    where = f"--kubeconfig={cluster.kubeconfig}"
    done = command("audit", where, *SPREAD, "--per-node", "--timing=propagation=5")
    assert done.returncode == 1, done.stdout + done.stderr
    assert outcome(command, "spread") == alone(command, cluster)
    nodes = ", ".join(sorted(node["metadata"]["name"] for node in Kube(cluster.kubeconfig).list("v1", "Node")[0]))
    assert f"  nodes     {nodes} (3 of 3)" in done.stdout
    assert namespaces(cluster) == []


@pytest.mark.release
def test_an_image_that_cannot_be_had_is_one_line_and_leaves_nothing(cluster: Cluster, command: CommandLine) -> None:
    where = f"--kubeconfig={cluster.kubeconfig}"
    done = command("audit", where, "--shards=2", "--image=127.0.0.1:1/nothing:1", "--timing=settle=3600")
    assert done.returncode == 3
    assert "ERROR: the image 127.0.0.1:1/nothing:1 of the audit cannot be pulled" in done.stderr
    assert namespaces(cluster) == []


def _dns(kube: Kube) -> list[Object]:
    pods, _ = kube.list("v1", "Pod", namespace="kube-system", label_selector="k8s-app=kube-dns")
    return [pod for pod in pods if not _ends(pod)]


def _ends(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]
