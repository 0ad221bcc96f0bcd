"""A cluster whose Pods are told to ask a cache on their node: it is found, and so is what is behind it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster.commandline import CommandLine
from kind.bad_upgrades import rollout
from kind.conftest import IMAGE
from kube_dns_conformance.clusters import engine
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.results import Verdict, read
from kube_dns_conformance.toolchain import Toolchain
from kube_dns_conformance.upgrade.folder import Folder
from kube_dns_conformance.upgrade.seen import read as read_seen
from tools.kubeadm_upgrade import nodes

ADDRESS = "169.254.20.10"
NAME = f"nodelocal-{os.getpid()}"
KUBELET = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "clusterDNS": [ADDRESS]}
CONFIGURATION = {
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    "kind": "Cluster",
    "nodes": [{"role": "control-plane"}, {"role": "worker"}],
    "kubeadmConfigPatches": [yaml.safe_dump(KUBELET)],
}
PROFILES = ("--profile=core", "--profile=extended")
"""What changes takes longer than elsewhere: the cache may keep what it has heard for half a minute."""
CACHE = Path(__file__).parent / "nodelocal.yaml"

pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("nodelocal")
    kubeconfig, configuration = folder / "kubeconfig", folder / "kind.yaml"
    configuration.write_text(yaml.safe_dump(CONFIGURATION))
    program, kubectl = (str(Toolchain().need(name)[name]) for name in ("kind", "kubectl"))
    common = [f"--name={NAME}", f"--kubeconfig={kubeconfig}"]
    image = [f"--image={IMAGE}"] if IMAGE else []
    try:
        subprocess.run(
            [program, "create", "cluster", *common, *image, f"--config={configuration}", "--wait=180s"], check=True
        )
        for node in nodes(NAME):
            command = ["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"]
            subprocess.run([engine.program(), "exec", node, *command], check=True)
        _deploy(Kube(kubeconfig))
        ready = ["rollout", "status", "--namespace=kube-system", "--timeout=120s"]
        for one in ("daemonset/node-local-dns", "deployment/coredns"):
            subprocess.run([kubectl, f"--kubeconfig={kubeconfig}", *ready, one], check=True)
        yield kubeconfig
    finally:
        subprocess.run([program, "delete", "cluster", *common], check=True)


def _deploy(kube: Kube) -> None:
    image = kube.get("apps/v1", "Deployment", "coredns", "kube-system")["spec"]["template"]["spec"]["containers"][0]
    upstream, config, cache = yaml.safe_load_all(CACHE.read_text().replace("IMAGE", image["image"]))
    kube.apply(upstream)
    address = kube.get("v1", "Service", "kube-dns-upstream", "kube-system")["spec"]["clusterIP"]
    config["data"]["Corefile"] = config["data"]["Corefile"].replace("UPSTREAM", address)
    kube.apply(config)
    kube.apply(cache)


def test_the_cache_is_judged_against_the_replicas_behind_it(kubeconfig: Path, stranger: CommandLine) -> None:
    done = stranger.suites("-n", "3", *PROFILES, "--cluster=existing", f"--kubeconfig={kubeconfig}", timeout=600)
    results = read(stranger.directory / "report")
    assert done.returncode == 0, [one.detail for one in results.results if one.verdict is Verdict.NONCONFORMANT]
    assert results.by_requirement()["nodelocal.cache.same-answers"] is Verdict.CONFORMANT
    servers = results.run["cluster"]["dns"]
    assert [(one["name"], one["host"]) for one in servers if not one["single"]] == [("resolver", ADDRESS)]
    assert len([one for one in servers if one["single"]]) == 2


def test_an_upgrade_is_watched_at_the_cache_and_at_each_replica(kubeconfig: Path, stranger: CommandLine) -> None:
    kubectl = [str(Toolchain().need("kubectl")["kubectl"]), f"--kubeconfig={kubeconfig}", "--namespace=kube-system"]
    asked = [f"--kubeconfig={kubeconfig}", "--requirement=clusterip.address.*", "--state=up"]
    restart, status = (" ".join(words) for words in rollout(kubectl))
    done = stranger("upgrade", *asked, "--", "sh", "-ec", f"{restart}\n{status}", timeout=420)
    assert done.returncode == 0, done.stderr
    seen = read_seen(Folder(stranger.directory / "up").lines())
    assert {(path.server, path.node) for path in seen.clients()} == {("resolver", node) for node in nodes(NAME)}
    assert len(seen.single) == 4  # the two replicas before, and the two after
