"""Root file systems made of Debian packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from kube_dns_conformance.progress import step
from kube_dns_conformance.toolchain.process import follow
from tools import packages
from tools.command import SHOWN_LINES, ToolsError, run

SUITE = "trixie"
"""The release that kind's own node image and the stock Python images are made of."""
_UNNEEDED = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale")


def root_file_system(into: Path, include: Sequence[str], what: str) -> None:
    """Make a minimal Debian with the packages ``include`` in the directory ``into``.

    Raises:
        ToolsError: no archive in reach, or debootstrap failed.
    """
    packages.need({"debootstrap": "debootstrap"}, f"it makes {what} out of Debian packages")
    command = [
        # Mounts and processes of its own, so that nothing of it stays when it is killed.
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--"),
        *("debootstrap", "--variant=minbase", f"--include={','.join(include)}", SUITE, str(into), mirror()),
    ]
    with step(f"{what}: {len(include)} Debian packages and what they need"):
        done = follow(command, cwd=into.parent, env=os.environ | {"LC_ALL": "C"}, line=lambda _: None)
    if done.code != 0:
        said = "\n".join(done.output.splitlines()[-SHOWN_LINES:])
        raise ToolsError(f"debootstrap of {what} failed: {said}", "is a Debian archive in reach?")
    for folder in _UNNEEDED:
        shutil.rmtree(into / folder, ignore_errors=True)
        (into / folder).mkdir(mode=0o755)
    # What debootstrap took over from this machine.
    for file in ("etc/hostname", "etc/resolv.conf", "etc/machine-id"):
        (into / file).unlink(missing_ok=True)


def mirror() -> str:
    """The Debian archive that this machine's apt is set up for.

    Raises:
        ToolsError: there is none.
    """
    fields = ["apt-get", "indextargets", "--format=$(ORIGIN)\t$(LABEL)\t$(REPO_URI)", "Created-By: Packages"]
    for line in run(fields).splitlines():
        origin, label, address = line.split("\t")
        if (origin, label) == ("Debian", "Debian"):
            return address
    raise ToolsError("apt knows no Debian archive", "run apt-get update; /etc/apt/sources.list names the archive")
