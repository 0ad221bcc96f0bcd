"""Upgrade a kind cluster with kubeadm, node by node: ``python -m tools.kubeadm_upgrade CLUSTER VERSION``.

``--prepare VERSION`` gets what it takes: the binaries, and where no image registry is in reach the images too. That may
have to be done before, as nothing can be fetched where clusters of our own engine are reached.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path

from kube_dns_conformance.clusters.engine import CLUSTER_LABEL, program
from kube_dns_conformance.progress import console, step
from kube_dns_conformance.toolchain import Toolchain
from tools import images, kind_image, node
from tools.archive import pack
from tools.cache import cached
from tools.command import ToolsError, guarded, run, why_not_here

BINARIES = ("kubeadm", "kubelet", "kubectl")
FOLDER = "/kind/upgrade"
CONFIGURATION = "--kubeconfig=/etc/kubernetes/admin.conf"
CONTROL_PLANE = "control-plane"
ROLE_LABEL = "io.x-k8s.kind.role"
PREFLIGHT = "--ignore-preflight-errors=all"
"""A node that is a container has swap, modules and a file system that are not its own."""
AWAY_SECONDS = 120.0
AWAY = re.compile(
    r"was refused|reset by peer|\bEOF\b|TLS handshake timeout|i/o timeout|User \"kubernetes-admin\" cannot"
)
"""How kubectl says so. One that has just begun does not know yet what its administrator may."""
DRAIN = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=120s")


def bundle(version: str) -> Path:
    """A tar archive with the binaries of this version, and its images where they can be made. Raises ToolsError."""
    tools = kind_image.toolchain(version)
    recipe = ["kubeadm_upgrade.py", "kind_image.py", "images.py", "archive.py", "node.py"]
    units = kind_image.ADDED if has_images() else ("kubernetes", "kubernetes-node")
    recipe += [f"{unit} {tools.version(unit)}" for unit in units]
    return cached(f"upgrade-{version}.tar", recipe, lambda new, work: _write(new, work, tools))


def has_images() -> bool:
    """Whether images are made here; elsewhere nodes pull them."""
    return not why_not_here()


def _write(new: Path, work: Path, tools: Toolchain) -> None:
    root = work / "root"
    (root / "bin").mkdir(parents=True)
    (root / "images").mkdir()
    for name, path in tools.need(*BINARIES).items():
        (root / "bin" / name).write_bytes(path.read_bytes())
        (root / "bin" / name).chmod(0o755)
    if has_images():
        system, proxy = work / "system", work / "proxy"
        node.base(system, tools)
        images.proxy_files(system, proxy)
        # What containerd has of it is of another name; kubeadm would try to pull this one for minutes.
        pause = images.required(tools.need("kubeadm")["kubeadm"], tools.version("kubernetes"))["pause"]
        programs = [*kind_image.programs(tools, system, proxy), kind_image.pause(pause, system)]
        for archive in images.archives(programs, work):
            archive.rename(root / "images" / archive.name)
    pack(root, new, compress=False)


class Upgrade:
    """Of one cluster to one version."""

    def __init__(self, cluster: str, version: str) -> None:
        self._version = version
        control, self._workers = nodes(cluster, CONTROL_PLANE), nodes(cluster, "worker")
        if len(control) != 1:
            raise ToolsError(f"kind cluster {cluster!r} has {len(control)} control planes, and not one")
        (self._control,) = control

    def run(self) -> None:
        """The control plane first, then the workers, as Kubernetes' documentation has it. Raises ToolsError."""
        self._bring(bundle(self._version))
        for name in (self._control, *self._workers):
            with step(f"upgrading {name} to {self._version}"):
                self._upgrade(name)
            console.print(f"{name} has Kubernetes {self._version}", markup=False)

    def _bring(self, archive: Path) -> None:
        for name in (self._control, *self._workers):
            with step(f"bringing Kubernetes {self._version} to {name}"):
                run_in(name, "mkdir", "-p", FOLDER)
                with archive.open("rb") as file:
                    run([program(), "exec", "--interactive", name, "tar", "-xf", "-", "-C", FOLDER], stdin=file)
                importing = f"for image in {FOLDER}/images/*.tar; do ctr -n k8s.io images import --local $image; done"
                if has_images():
                    run_in(name, "sh", "-ec", importing)

    def _upgrade(self, name: str) -> None:
        apply = ("apply", f"v{self._version}", "--yes", "--etcd-upgrade=false")
        what = apply if name == self._control else ("node",)
        run_in(name, "install", f"{FOLDER}/bin/kubeadm", f"{FOLDER}/bin/kubectl", "/usr/bin/")
        run_in(name, "kubeadm", "upgrade", *what, PREFLIGHT)
        self._kubectl("drain", name, *DRAIN)
        run_in(name, "systemctl", "stop", "kubelet")
        run_in(name, "install", f"{FOLDER}/bin/kubelet", "/usr/bin/")
        run_in(name, "systemctl", "start", "kubelet")
        self._kubectl("wait", f"node/{name}", "--for=condition=Ready", "--timeout=120s")
        version = f"jsonpath={{.status.nodeInfo.kubeletVersion}}=v{self._version}"
        self._kubectl("wait", f"node/{name}", f"--for={version}", "--timeout=120s")
        self._kubectl("uncordon", name)
        self._kubectl("rollout", "status", "--namespace=kube-system", "deployment/coredns", "--timeout=120s")

    def _kubectl(self, *words: str) -> None:
        kubectl_in(self._control, *words)


def run_in(node: str, *words: str) -> str:
    """Run this in a node; what it says is shown when it fails. Raises ToolsError."""
    return run([program(), "exec", node, *words])


def kubectl_in(control_plane: str, *words: str) -> str:
    """The same for kubectl, as the cluster's administrator.

    Once more while the API server is away: a kubelet of another version may start it anew, a moment after it is ready.
    """
    deadline = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            return run_in(control_plane, "kubectl", CONFIGURATION, *words)
        except ToolsError as error:
            if not AWAY.search(str(error)) or time.monotonic() > deadline:
                raise
        time.sleep(1.0)


def nodes(cluster: str, role: str = "") -> Sequence[str]:
    """The names of the containers of a kind cluster, or of those that have this role."""
    labels = [f"--filter=label={CLUSTER_LABEL}={cluster}"]
    labels += [f"--filter=label={ROLE_LABEL}={role}"] if role else []
    return sorted(run([program(), "ps", *labels, "--format={{.Names}}"]).split())


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.kubeadm_upgrade", description=__doc__)
    parser.add_argument("--prepare", action="store_true", help="only get what it takes")
    parser.add_argument("cluster", nargs="?", default="", help="name of a kind cluster")
    parser.add_argument("version", help="of Kubernetes, such as 1.37.2")
    arguments = parser.parse_args()
    if not arguments.prepare:
        Upgrade(arguments.cluster, arguments.version).run()
        return 0
    print(bundle(arguments.version))
    return 0


if __name__ == "__main__":
    guarded(main)
