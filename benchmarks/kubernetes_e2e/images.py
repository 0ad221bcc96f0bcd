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
    """The archives of those images, in the cache. Raises ToolsError, ToolchainError."""
    names = wanted(tools)
    program = tools.need("agnhost")["agnhost"]
    return [_archive(names[AGNHOST], program), _archive(names[GLIBC], None)]


def _archive(image: str, program: Path | None) -> Path:
    """An image of a Debian with dig and a shell, and with the program at its top where there is one."""
    short, _, tag = image.rpartition("/")[2].partition(":")
    recipe = [Path(__file__).read_text(), "debian.py", "archive.py", image, str(program or "")]

    def make(new: Path, work: Path) -> None:
        root, layer = work / "root", work / "layer.tar"
        debian.unpack_root("dig", ["bind9-dnsutils"], root)
        if program:
            shutil.copy(program, root / AGNHOST)
        pack(root, layer, compress=False)
        Image(
            image, [layer], entrypoint=[f"/{AGNHOST}"] if program else [], command=["pause"] if program else ["sh"]
        ).write(new)

    return cached(f"{short}-{tag}.tar", recipe, make)


def _version(image: str) -> tuple[int, ...]:
    return tuple(int(number) for number in image.rpartition(":")[2].split(".") if number.isdigit())
