"""The processes of an embedded cluster: started with a mark in their environment, found and ended by that mark alone.

kwokctl starts its components detached and forgets them when it is killed half-way; process ids in files may belong to
somebody else after a restart. The mark is inherited by everything that a marked process starts, and nobody else has it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Collection, Iterable
from pathlib import Path

import psutil

from kube_dns_conformance.errors import ClusterError

MARK = "KDC_CLUSTER_DIR"
# They outlive this process on purpose; held so that Python does not take them for forgotten ones.
_started: list[subprocess.Popen[bytes]] = []


def environment(directory: Path, without: Collection[str] = ()) -> dict[str, str]:
    """The environment for a process of the cluster in ``directory``; ``without`` these variables, in small letters."""
    foreign = {"kubeconfig", "kwok_workdir", *without}
    mine = {name: text for name, text in os.environ.items() if name.lower() not in foreign}
    return mine | {MARK: str(directory), "KWOK_WORKDIR": str(directory), "KUBECACHEDIR": str(directory / "kubectl")}


def start(command: list[str], directory: Path, log: Path, without: Collection[str] = ()) -> subprocess.Popen[bytes]:
    """Start a detached process of the cluster; both its outputs are appended to ``log``."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=environment(directory, without),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for the runner; it ends the cluster in its own order
        )
    _started.append(process)
    while process.poll() is None and _mark(psutil.Process(process.pid)) != str(directory):
        time.sleep(0.001)  # for a moment a new program has no environment yet: `stop_all` would not find it
    return process


def of_cluster(directory: Path) -> list[psutil.Process]:
    """Every running process of the cluster in ``directory``."""
    return [process for process in psutil.process_iter() if _mark(process) == str(directory)]


def stop_all(directory: Path, within: float = 10.0) -> None:
    """End every process of the cluster and wait until it is gone. Nothing is saved: its data is thrown away with it."""
    deadline = time.monotonic() + within
    while processes := of_cluster(directory):
        if time.monotonic() > deadline:
            raise ClusterError(f"processes did not end: {_names(processes)}")
        for process in processes:
            kill(process)
        # Not until their ids are gone: an orphan's stays until process 1 looks, which in a container may be never.
        psutil.wait_procs(processes, timeout=0.05)
    _started[:] = [process for process in _started if process.poll() is None]


def _mark(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get(MARK)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def kill(process: psutil.Process) -> None:
    """End one process; it may be gone already."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _names(processes: Iterable[psutil.Process]) -> str:
    return ", ".join(f"{process.pid}" for process in processes)
