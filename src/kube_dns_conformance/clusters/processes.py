"""The processes of an embedded cluster: started with a mark in their environment, found and ended by that mark alone.

kwokctl starts its components detached and forgets them when it is killed half-way; process ids in files may belong to
somebody else after a restart. The mark is inherited by everything that a marked process starts, and nobody else has it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from kube_dns_conformance.errors import ClusterError

MARK = "KDC_CLUSTER_DIR"
STOP_SECONDS = 10.0
GARBAGE = "400"
"""What is small and hard at work may have that much garbage, in percent of what is in use: by default the API server
spent a quarter of its time on collecting it."""
GIVEN_WAY = 5
"""How nice that is, from 0 to 19."""
# They outlive this process on purpose; held so that Python does not take them for forgotten ones.
_started: list[subprocess.Popen[bytes]] = []


def environment(directory: Path, without: Collection[str] = ()) -> dict[str, str]:
    """The environment for a process of the cluster in ``directory``; ``without`` these variables, in small letters."""
    foreign = {"kubeconfig", "kwok_workdir", *without}
    mine = {"GOGC": GARBAGE} | {name: text for name, text in os.environ.items() if name.lower() not in foreign}
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
    # What psutil remembers may be a process that had an id before: one that it finds out about is not in the next list.
    psutil.process_iter.cache_clear()
    return [process for process in psutil.process_iter() if _mark(process) == str(directory)]


def stop_all(directory: Path, within: float = STOP_SECONDS) -> None:
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


def give_way(directory: Path, but: str) -> None:
    """From now on the processes of the cluster let others go first, all that are not of the program ``but``."""
    for process in of_cluster(directory):
        if _words(process)[:1] != [but]:
            _give_way(process)


def _give_way(process: psutil.Process) -> None:
    with suppress(OSError, psutil.NoSuchProcess):  # it may be gone already
        for thread in process.threads():
            os.setpriority(os.PRIO_PROCESS, thread.id, GIVEN_WAY)
        # Each has a session of its own: where the kernel shares out by sessions, how nice these are is what counts.
        Path(f"/proc/{process.pid}/autogroup").write_text(str(GIVEN_WAY))


def take_down(directory: Path, log: Path, *words: str) -> Callable[[], None]:
    """Kill the one process of the cluster with all these words in its command line, and wait until it is gone.

    What is returned starts it again with the same command line; its outputs are appended to ``log``.
    Raises ClusterError when there is no such process, or several.
    """
    found = _one(directory, words)
    command = found.cmdline()
    kill(found)
    while _mark(found) is not None:
        time.sleep(0.001)  # not until its id is gone, see `stop_all`: its ports are free when it runs no more
    return lambda: _again(command, directory, log)


@contextmanager
def frozen(directory: Path, *words: str) -> Iterator[None]:
    """The one process of the cluster with all these words in its command line stands still until the block ends."""
    found = _one(directory, words)
    found.suspend()
    try:
        yield
    finally:
        found.resume()


def _one(directory: Path, words: Collection[str]) -> psutil.Process:
    found = [one for one in of_cluster(directory) if set(words) <= set(_words(one))]
    if len(found) != 1:
        raise ClusterError(f"{len(found)} processes of the cluster have {' '.join(words)} in their command line")
    return found[0]


def _again(command: list[str], directory: Path, log: Path) -> None:
    start(command, directory, log)


def _words(process: psutil.Process) -> list[str]:
    """Of a command line, programs by their names."""
    try:
        program, *arguments = process.cmdline() or [""]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
    return [Path(program).name, *arguments]


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
