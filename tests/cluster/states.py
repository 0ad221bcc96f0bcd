"""Where the clusters of a test session live: where the next session finds what a killed one left."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import platformdirs

from kube_dns_conformance import locks
from kube_dns_conformance.clusters import processes

ROOT = platformdirs.user_state_path("kube-dns-conformance-tests")


def take(root: Path = ROOT) -> Path:
    """A new folder for the states of this session. What sessions that were killed left is ended first."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for lock in root.glob("*.lock"):
        if locks.hold(lock):
            end(lock.with_suffix(""))
    mine = root / secrets.token_hex(4)
    locks.hold(mine.with_suffix(".lock"))
    mine.mkdir(mode=0o700)
    return mine


def end(mine: Path) -> None:
    """End every cluster in a folder of states, and delete it."""
    for directory in mine.glob("*/clusters/[!.]*"):
        processes.stop_all(directory)
    shutil.rmtree(mine, ignore_errors=True)
    locks.release(mine.with_suffix(".lock"))
