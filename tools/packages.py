"""System packages, on Debian, for commands that are missing: said before they are installed, and nothing is started."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kube_dns_conformance.progress import step
from tools.command import SHOWN_LINES, ToolsError, insist_here

LOCK_SECONDS = 600
"""How long another apt may hold its locks."""
POLICY = Path("/usr/sbin/policy-rc.d")
"""Asked by Debian's packages whether they may start what they install."""
_OURS = "#!/bin/sh\n# kube-dns-conformance: a package is being installed, and its service shall not start.\nexit 101\n"
_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "NEEDRESTART_SUSPEND": "1"}


def need(commands: Mapping[str, str], why: str) -> None:
    """Install the packages of those ``commands`` (command → package) that are not on PATH.

    Args:
        commands: what must be there.
        why: what it is needed for, said to the user.

    Raises:
        ToolsError: not root on Debian, or apt failed.
    """
    missing = [package for command, package in commands.items() if not shutil.which(command)]
    if not missing:
        return
    install(missing, why)
    absent = [command for command in commands if not shutil.which(command)]
    if absent:
        raise ToolsError(f"the packages are installed, but not on PATH: {', '.join(absent)}")


def install(packages: Sequence[str], why: str) -> None:
    """Install ``packages`` and what they depend on. Raises ToolsError."""
    insist_here()
    print(f"installing the Debian packages {' '.join(packages)}: {why}", file=sys.stderr)
    with step(f"installing {' '.join(packages)}"), _nothing_starts():
        if not _known(packages):
            apt("update")
        apt("install", "--yes", "--no-install-recommends", *packages)


def apt(*arguments: str, cwd: Path | None = None) -> None:
    """Run apt-get, and wait for other runs of it. Raises ToolsError."""
    deadline = time.monotonic() + LOCK_SECONDS
    command = ["apt-get", "--quiet", f"--option=DPkg::Lock::Timeout={LOCK_SECONDS}", *arguments]
    while True:
        done = subprocess.run(
            command, env=os.environ | _ENVIRONMENT, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode == 0:
            return
        said = done.stderr.decode(errors="replace").strip()
        # The lock of the package lists has no option to wait for it.
        if "Could not get lock" not in said or time.monotonic() > deadline:
            lines = "\n".join(said.splitlines()[-SHOWN_LINES:])
            raise ToolsError(f"apt-get {arguments[0]} failed: {lines}", "is a Debian archive in reach?")
        time.sleep(1)


def _known(packages: Sequence[str]) -> bool:
    command = ["apt-cache", "show", "--no-all-versions", *packages]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def _nothing_starts() -> Iterator[None]:
    """Whatever the machine's own policy is stays; where there is none, one of ours while this lasts, one at a time."""
    folder = os.open(POLICY.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with _policy():
            yield
    finally:
        os.close(folder)


@contextmanager
def _policy() -> Iterator[None]:
    if POLICY.exists() and POLICY.read_text(errors="replace") != _OURS:  # ours: left by a killed one
        yield
        return
    POLICY.write_text(_OURS)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
