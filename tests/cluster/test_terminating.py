"""Namespaces that are on their way out, or stay there: said, never waited for, and no fault of DNS."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from cluster.commandline import CommandLine, read_until
from kube_dns_conformance import situations, terminating
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import RUN_LABEL, Kube, Object
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.results import Verdict, read
from kube_dns_conformance.timings import Timings


@dataclass
class Holder:
    """Keeps namespaces from going, with an object that has a finalizer, until the test ends."""

    kube: Kube
    held: list[Object] = field(default_factory=list)

    def hold(self, namespace: str) -> None:
        meta = {"name": "held", "namespace": namespace, "finalizers": ["example.test/hold"]}
        self.held.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
        self.kube.apply(self.held[-1])

    def release(self) -> None:
        for item in self.held:
            self.kube.patch(item, {"metadata": {"finalizers": None}})


@pytest.fixture
def kube(cluster: Cluster) -> Kube:
    return Kube(cluster.kubeconfig)


@pytest.fixture
def holder(kube: Kube) -> Iterator[Holder]:
    made = Holder(kube)
    yield made
    made.release()


def space(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def test_a_namespace_that_can_go_is_not_spoken_of(kube: Kube) -> None:
    kube.apply(space("kdc-goes"))
    kube.delete(space("kdc-goes"))
    assert terminating.hanging(["kdc-goes", "kdc-never-was"], kube) == []


def test_a_situation_whose_namespace_is_being_deleted_is_refused_and_no_other(
    cluster: Cluster, kube: Kube, holder: Holder
) -> None:
    run = secrets.token_hex(4)
    taken = f"kdc-{run}-clusterip-address"
    kube.apply(space(taken))
    holder.hold(taken)
    kube.delete(space(taken))
    mirror = Mirror(kube, f"{RUN_LABEL}={run}", 10.0)
    names = ["clusterip/address", "clusterip/srv"]
    made = situations.prepare(names, run, cluster.zone, kube, mirror, Timings())
    try:
        failed = situations.deploy(made)
    finally:
        mirror.close()
        situations.delete([one.namespace for one in made], kube)
    assert list(failed) == ["clusterip/address"]
    assert f"unable to create new content in namespace {taken} because it is being terminated" in str(
        failed["clusterip/address"]
    )


def test_a_namespace_that_somebody_deletes_during_the_run_and_that_stays_blames_nobody(
    cluster: Cluster, kube: Kube, holder: Holder, command: CommandLine
) -> None:
    where = ["--cluster=existing", f"--kubeconfig={cluster.kubeconfig}", f"--dns-server={cluster.dns[0]}"]
    chosen = [
        "--requirement=clusterip.address.ipv4",
        "--requirement=survival.scaling.*",
        "--timing=settle=15",
        "--timing=propagation=2",
        "--timing=cache=2",
    ]
    process = command.start("run", *where, *chosen, "--report-dir=report")
    read_until(process, "clusterip.address.ipv4")
    found, _ = kube.list("v1", "Namespace", label_selector=RUN_LABEL)
    (namespace,) = [name for one in found if (name := one["metadata"]["name"]).endswith("-survival-scaling")]
    holder.hold(namespace)
    process.send_signal(signal.SIGSTOP)  # the namespace controller may take its time, and the run does not wait for it
    kube.delete(space(namespace))
    while not terminating.hanging([namespace], kube):
        time.sleep(0.1)
    began = time.monotonic()
    process.send_signal(signal.SIGCONT)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 3, rest
    assert time.monotonic() - began < 60
    assert read(command.directory / "report").by_requirement() == {
        "clusterip.address.ipv4": Verdict.CONFORMANT,
        "survival.scaling.headless-follows": Verdict.UNKNOWN,
    }
    said = [line for line in rest.splitlines() if "is still terminating" in line]
    assert len(said) == 1, rest
    assert said[0].startswith(
        f"namespace {namespace} is still terminating: Some content in the namespace has finalizers"
    )
    assert "example.test/hold in 1 resource instances" in said[0]
