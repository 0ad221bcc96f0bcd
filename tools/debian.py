"""Root file systems made of Debian packages, and the sources of such packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from kube_dns_conformance.progress import step
from kube_dns_conformance.toolchain.process import follow
from tools import packages
from tools.archive import pack
from tools.cache import cached
from tools.command import SHOWN_LINES, ToolsError, run

SUITE = "trixie"
"""The release that kind's own node image and the stock Python images are made of."""
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_UNNEEDED = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale")
# Mounts and processes of its own, so that nothing of it stays when it is killed.
_APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child")


def unpack_root(name: str, include: Sequence[str], into: Path) -> None:
    """Put a minimal Debian with the packages ``include`` into the directory ``into``; kept in the cache as ``name``.

    Raises:
        ToolsError: no archive in reach, or debootstrap failed.
    """
    into.mkdir(mode=0o755)
    run(["tar", "--extract", f"--file={packed_root(name, include)}", f"--directory={into}"])


def packed_root(name: str, include: Sequence[str]) -> Path:
    """The same as a tar archive, in the cache. Raises ToolsError."""
    recipe = ["debian.py", *include]
    return cached(f"debian-{name}.tar", recipe, lambda new, work: _kept_root(new, work, include, name))


def root(into: Path, include: Sequence[str], what: str) -> None:
    """Make a minimal Debian in the new directory ``into``. Raises ToolsError."""
    packages.need({"debootstrap": "debootstrap"}, f"it makes {what} out of Debian packages")
    into.mkdir(mode=0o755)
    tool = ["debootstrap", "--variant=minbase", f"--include={','.join(include)}", SUITE, str(into), mirror()]
    with step(f"{what}: installing {len(include)} Debian packages and what they need"):
        done = follow([*_APART, "--", *tool], cwd=into.parent, env=os.environ | {"LC_ALL": "C"}, line=lambda _: None)
    if done.code != 0:
        said = "\n".join(done.output.splitlines()[-SHOWN_LINES:])
        raise ToolsError(f"debootstrap of {what} failed: {said}", "is a Debian archive in reach?")
    for folder in _UNNEEDED:
        shutil.rmtree(into / folder, ignore_errors=True)
        (into / folder).mkdir(mode=0o755)
    # What debootstrap took over from this machine.
    for file in ("etc/hostname", "etc/resolv.conf", "etc/machine-id"):
        (into / file).unlink(missing_ok=True)


def inside(directory: Path, command: Sequence[str], folder: str = "/", **environment: str) -> None:
    """Run a command in a root file system, in ``folder``; with nothing of this process's environment.

    Raises:
        ToolsError: it failed; the text has the end of what it said.
    """
    settings = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8", "HOME": "/root", **environment}
    words = ["env", "--ignore-environment", *(f"{name}={value}" for name, value in settings.items())]
    words += ["chroot", str(directory), "/usr/bin/env", f"--chdir={folder}", *command]
    said: list[str] = []
    done = follow(
        [*_APART, f"--mount-proc={directory / 'proc'}", "--", *words], cwd=directory, env=os.environ, line=said.append
    )
    if done.code != 0:
        lines = "\n".join((said or done.output.splitlines())[-SHOWN_LINES:])
        raise ToolsError(f"{' '.join(command[:3])} ended with status {done.code}: {lines}")


def sources(names: Sequence[str], into: Path) -> list[Path]:
    """Fetch the unchanged upstream sources of packages, checked by apt against the archive's signature.

    Raises:
        ToolsError: no archive in reach, or a package that it does not have.
    """
    for folder in ("lists/partial", "cache/archives/partial"):
        (into / folder).mkdir(parents=True)
    (into / "sources.list").write_text(f"deb-src [signed-by={_KEYRING}] {mirror()} {SUITE} main\n")
    options = {  # apart from what this machine's apt knows
        "Dir::Etc::sourcelist": into / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": into / "lists",
        "Dir::Cache": into / "cache",
        "APT::Sandbox::User": "root",
    }
    arguments = [f"--option={name}={value}" for name, value in options.items()]
    with step(f"sources of {', '.join(names)}"):
        packages.apt(*arguments, "update")
        packages.apt(*arguments, "--tar-only", "--download-only", "source", *names, cwd=into)
    return [next(path for path in into.glob(f"{name}_*.orig.tar.*") if path.suffix != ".asc") for name in names]


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


def _kept_root(new: Path, work: Path, include: Sequence[str], what: str) -> None:
    root(work / "root", include, what)
    pack(work / "root", new, compress=False)
