"""Give a kind cluster another CoreDNS, and nothing else: ``python -m tools.coredns_upgrade CLUSTER VERSION``.

``--prepare VERSION`` gets what it takes, which may have to be done before: nothing can be fetched where clusters of our
own engine are reached.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kube_dns_conformance.clusters.engine import program
from kube_dns_conformance.progress import step
from kube_dns_conformance.toolchain import Toolchain
from tools import images
from tools.cache import cached
from tools.command import guarded, run
from tools.images import Program
from tools.kubeadm_upgrade import CONTROL_PLANE, has_images, kubectl_in, nodes

REPOSITORY = "registry.k8s.io/coredns/coredns"
ROLLED_OUT = ("rollout", "status", "deployment/coredns", "--namespace=kube-system", "--timeout=120s")


def image(version: str) -> str:
    """The name of CoreDNS' own image, as kubeadm has it."""
    return f"{REPOSITORY}:v{version}"


def archive(version: str) -> Path:
    """The image's archive, in the cache. Raises ToolsError, ToolchainError."""
    binary = Toolchain(versions={"coredns": version}).need("coredns")["coredns"]
    made = Program(image(version), binary, "coredns")
    recipe = ["coredns_upgrade.py", "images.py", "archive.py", f"coredns {version}"]
    return cached(f"coredns-{version}.tar", recipe, lambda new, work: images.one_program(made, new, work))


def prepare(version: str) -> None:
    """Get what it takes. Raises ToolsError, ToolchainError."""
    if has_images():  # elsewhere nodes pull it
        print(archive(version))


def upgrade(cluster: str, version: str) -> None:
    """Roll it out, and wait until it is. Raises ToolsError."""
    (control,) = nodes(cluster, CONTROL_PLANE)
    if has_images():
        with step(f"bringing CoreDNS {version} to the nodes"):
            for name in nodes(cluster):
                with archive(version).open("rb") as file:
                    command = [program(), "exec", "--interactive", name, "ctr", "--namespace=k8s.io"]
                    run([*command, "images", "import", "--local", "-"], stdin=file)
    with step(f"CoreDNS {version} is rolled out"):
        kubectl_in(
            control, "set", "image", "--namespace=kube-system", "deployment/coredns", f"coredns={image(version)}"
        )
        kubectl_in(control, *ROLLED_OUT)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.coredns_upgrade", description=__doc__)
    parser.add_argument("--prepare", action="store_true", help="only get what it takes")
    parser.add_argument("cluster", nargs="?", default="", help="name of a kind cluster")
    parser.add_argument("version", help="of CoreDNS, such as 1.14.7")
    arguments = parser.parse_args()
    if arguments.prepare:
        prepare(arguments.version)
    else:
        upgrade(arguments.cluster, arguments.version)
    return 0


if __name__ == "__main__":
    guarded(main)
