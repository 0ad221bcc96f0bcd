"""A kind cluster with some workloads, upgraded by kubeadm and validated: ``python -m tools.real_upgrade VERSION``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import yaml

from kube_dns_conformance.clusters import kind, store
from kube_dns_conformance.images import AGENT_IMAGE
from kube_dns_conformance.kube import Kube
from tools.command import guarded

SHOP = Path(__file__).parent / "shop.yaml"


def deploy(kubeconfig: Path) -> None:
    """Workloads as somebody may have them, spread over the nodes: what drains move."""
    kube = Kube(kubeconfig)
    for item in yaml.safe_load_all(SHOP.read_text().replace("IMAGE", AGENT_IMAGE)):
        kube.apply(item)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.real_upgrade", description=__doc__)
    parser.add_argument("version", help="of Kubernetes, such as 1.37.2")
    version = parser.parse_args().version
    name = f"upgrade-{os.getpid()}"
    cluster = kind.up(name, kind.Options(image=os.environ.get("KDC_KIND_IMAGE", "")), keep=True)
    try:
        deploy(cluster.kubeconfig)
        own = [sys.executable, "-m", "kube_dns_conformance", "upgrade", f"--name={name}"]
        command = [sys.executable, "-m", "tools.kubeadm_upgrade", name, version]
        return subprocess.run([*own, "--", *command], check=False).returncode
    finally:
        store.down(name)


if __name__ == "__main__":
    guarded(main)
