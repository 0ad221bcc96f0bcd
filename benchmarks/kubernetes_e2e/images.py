"""The images that the e2e tests ask for, made of Debian packages and Go modules where no registry is in reach."""

from __future__ import annotations

import shutil
from pathlib import Path

from kube_dns_conformance.toolchain import Toolchain
from tools import debian
from tools.archive import Image, pack
from tools.cache import cached
from tools.command import ToolsError, run

AGNHOST = "agnhost"
GLIBC = "glibc-dns-testing"
_REGISTRY = "registry.k8s.io/"


def toolchain(kubernetes: str) -> Toolchain:
    """Our tools, with the e2e tests of this version of Kubernetes."""
    return Toolchain(versions={"kubernetes-test": kubernetes, "agnhost": kubernetes})


def wanted(tools: Toolchain) -> dict[str, str]:
    """What the DNS tests ask for, by the last part of the name: ``{"agnhost": "registry.k8s.io/…/agnhost:2.63.0"}``.

    Raises:
        ToolsError: the tests do not say.
    """
    listed = [name for name in run([tools.need("e2e.test")["e2e.test"], "--list-images"]).split() if ":" in name]
    found = {
        part: sorted((one for one in listed if one.startswith(_REGISTRY) and f"/{part}:" in one), key=_version)
        for part in (AGNHOST, GLIBC)
    }
    if missing := [part for part, names in found.items() if not names]:
        raise ToolsError(f"these e2e tests name no image {' and no '.join(missing)}")
    return {part: names[-1] for part, names in found.items()}  # tests of upgrades name an older one as well


def archives(tools: Toolchain) -> list[Path]:
    """The archives of those images, in the cache: Debian with dig and a shell. Raises ToolsError, ToolchainError."""
    names = wanted(tools)
    recipe = [__file__, "debian.py", "archive.py", tools.version(AGNHOST)]

    def agnhost(new: Path, work: Path) -> None:
        root = _root(work)
        shutil.copy(tools.need(AGNHOST)[AGNHOST], root)
        layer = _packed(root, work)
        Image(names[AGNHOST], [layer], entrypoint=[f"/{AGNHOST}"], command=["pause"]).write(new)

    def glibc(new: Path, work: Path) -> None:
        Image(names[GLIBC], [_packed(_root(work), work)], command=["sh"]).write(new)

    made = {AGNHOST: agnhost, GLIBC: glibc}
    return [cached(f"{_file(names[part])}.tar", [*recipe, names[part]], make) for part, make in made.items()]


def _root(work: Path) -> Path:
    root = work / "root"
    debian.unpack_root("dig", ["bind9-dnsutils"], root)
    return root


def _packed(root: Path, work: Path) -> Path:
    layer = work / "layer.tar"
    pack(root, layer, compress=False)
    return layer


def _file(image: str) -> str:
    """``registry.k8s.io/e2e-test-images/agnhost:2.63.0`` is ``agnhost-2.63.0``."""
    return image.rpartition("/")[2].replace(":", "-")


def _version(image: str) -> tuple[int, ...]:
    return tuple(int(number) for number in image.rpartition(":")[2].split(".") if number.isdigit())
