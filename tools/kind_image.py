"""Make a kind node image where none can be pulled: ``python -m tools.kind_image [VERSION]``.

Built once per version and kept in the cache; loaded into the engine of this folder when that runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kube_dns_conformance.progress import step
from kube_dns_conformance.toolchain import Toolchain
from tools import engine, images, node, pods
from tools.archive import Image, pack
from tools.cache import cached, files, key
from tools.command import guarded, insist_here
from tools.images import Program

ENTRYPOINT = ("/usr/local/bin/entrypoint", "/sbin/init")
LABEL = "kube-dns-conformance.recipe"
"""Of the image: the key of the recipe it was made by, as in its archive's name."""
_COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd")
_RECIPE = ("kind_image.py", "node.py", "images.py", "archive.py", *pods.RECIPE, *files("files/**/*"))
ADDED = ("kubernetes", "kubernetes-node", "etcd", "coredns")
"""What differs from one version of Kubernetes to the next."""
_UNITS = (*ADDED, "containerd", "cri-tools", "cni-plugins", "kind")


def toolchain(version: str = "") -> Toolchain:
    """Our tools with this Kubernetes, and with the etcd and the CoreDNS that its kubeadm installs."""
    kubernetes = {"kubernetes": version, "kubernetes-node": version} if version else {}
    tools = Toolchain(versions=kubernetes)
    needed = images.required(tools.need("kubeadm")["kubeadm"], tools.version("kubernetes"))
    exact = {name: images.version_in(needed[name]) for name in ("etcd", "coredns")}
    return Toolchain(versions=kubernetes | exact)


def name(tools: Toolchain) -> str:
    """The image's name, that of kind's own image for this version."""
    return f"kindest/node:v{tools.version('kubernetes')}"


def build(tools: Toolchain) -> Path:
    """The image's archive, in the cache. Raises ToolsError, ToolchainError."""
    insist_here()
    version = tools.version("kubernetes")
    recipe = [*_RECIPE, *(f"{unit} {tools.version(unit)}" for unit in _UNITS)]
    return cached(f"node-{version}.tar", recipe, lambda new, work: _write(new, work, tools, key(*recipe)))


def provide(version: str = "") -> str:
    """Build the image when it is not in the cache, and load it into our engine, which runs; returns its name."""
    tools = toolchain(version)
    archive, tag = build(tools), name(tools)
    label = f"{LABEL}={archive.stem.rpartition('-')[2]}"
    if tag not in engine.docker("images", f"--filter=label={label}", "--format={{.Repository}}:{{.Tag}}").split():
        with step(f"loading {tag} into the engine"):
            engine.docker("load", f"--input={archive}")
    return tag


def _write(new: Path, work: Path, tools: Toolchain, recipe: str) -> None:
    root, proxy, added = work / "root", work / "proxy", work / "added"
    node.base(root, tools)
    images.proxy_files(root, proxy)
    archives = [*images.archives(programs(tools, root, proxy), work), *pods.archives(work)]
    with step(f"kind node image for Kubernetes {tools.version('kubernetes')}"):
        node.kubernetes(added, work, tools, archives)
        layers = [work / "base.tar", work / "added.tar"]
        for folder, layer in zip((root, added), layers, strict=True):
            pack(folder, layer, compress=False)
        Image(
            name(tools),
            layers,
            entrypoint=ENTRYPOINT,
            environment=["container=docker"],
            stop_signal="SIGRTMIN+3",
            labels={LABEL: recipe},
        ).write(new)


def programs(tools: Toolchain, root: Path, proxy: Path) -> list[Program]:
    """The images that kubeadm names; ``root`` is a node's files, ``proxy`` those of kube-proxy."""
    needed = images.required(tools.need("kubeadm")["kubeadm"], tools.version("kubernetes"))
    binaries = tools.need(*_COMPONENTS, "coredns")
    programs = [
        Program(needed[one], binaries[one], f"usr/local/bin/{one}", files=proxy if one == "kube-proxy" else None)
        for one in _COMPONENTS
    ]
    return [
        *programs,
        Program(needed["coredns"], binaries["coredns"], "coredns"),
        pause(node.SANDBOX_IMAGE, root),
    ]


def pause(image: str, root: Path) -> Program:
    """What waits and reaps, as the stock one does."""
    return Program(image, root / "usr/bin/catatonit", "pause", arguments=("-P",))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.kind_image", description=__doc__)
    parser.add_argument("version", nargs="?", default="", help="of Kubernetes, such as 1.37.2")
    version = parser.parse_args().version
    if engine.status().running:
        print(f"{provide(version)} is in the engine")
        return 0
    tools = toolchain(version)
    print(f"{name(tools)} is in {build(tools)}")
    return 0


if __name__ == "__main__":
    guarded(main)
