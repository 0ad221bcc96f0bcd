"""The engine's processes, and what they need: started in namespaces of their own, ended with one kill."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import shutil
import socket
import sys
import time
from pathlib import Path

from kube_dns_conformance.clusters import processes
from kube_dns_conformance.progress import step
from tools.command import ToolsError

START_SECONDS = 60.0
STOP_SECONDS = 60.0
ANSWER_SECONDS = 10.0
SHARES = 4096
"""Of processor time: one process outside of all groups has 1024, and in this group are several machines."""
SOCKET = "docker.sock"
LOG = "engine.log"
TEMPORARY = "temporary"
"""This file is there while the engine belongs to those who use it, and ends with the last of them."""
_RUNTIME = "runc-without-sys-resource"
_HERE = Path(__file__).parent


def start(home: Path) -> None:
    """Start dockerd and wait until it answers. Raises ToolsError."""
    runtime = home / _RUNTIME
    shutil.copy(_HERE / "files" / _RUNTIME, runtime)
    _give_shares(home)
    command = [
        *("unshare", "--fork", "--kill-child", "--pid", "--net", "--mount", "--propagation=slave", "--"),
        *(sys.executable, "-I", "-S", str(_HERE / "engine_init.py")),
        "dockerd",
        f"--host={docker_host(home)}",
        "--group=root",
        f"--data-root={home / 'data'}",
        f"--cgroup-parent=/{cgroup(home)}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        "--oom-score-adjust=0",
        f"--add-runtime=limited={runtime}",
        "--default-runtime=limited",
        "--dns=192.0.2.1",  # nobody: names of the outside are refused at once instead of asked for
    ]
    process = processes.start(command, home, home / LOG)
    deadline = time.monotonic() + START_SECONDS
    while not answers(home):
        if process.poll() is not None or time.monotonic() > deadline:
            said = "\n".join((home / LOG).read_text(errors="replace").splitlines()[-12:])
            raise ToolsError(f"the Docker engine did not start: {said}")
        time.sleep(0.05)
    (home / SOCKET).chmod(0o600)


def stop(home: Path) -> None:
    """End whatever runs, and delete all but the engine's data; that too when it still has containers in it."""
    processes.stop_all(home, within=STOP_SECONDS)
    _remove_cgroups(home)
    if any((home / "data" / "containers").glob("*")):
        with step("deleting what a killed engine left"):
            shutil.rmtree(home / "data")
    for file in (SOCKET, LOG, _RUNTIME, TEMPORARY):
        (home / file).unlink(missing_ok=True)


def init_pid(home: Path) -> int | None:
    """The first process of the engine's namespaces, by the id it has here; None when there is none."""
    for process in processes.of_cluster(home):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            ids = next(line.split()[1:] for line in lines if line.startswith("NSpid:"))
            if len(ids) == 2 and ids[1] == "1":
                return process.pid
    return None


def answers(home: Path) -> bool:
    """Whether the engine answers on its socket."""
    connection = http.client.HTTPConnection("engine")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.sock.settimeout(ANSWER_SECONDS)
        connection.sock.connect(str(home / SOCKET))
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def docker_host(home: Path) -> str:
    """The engine's address, as DOCKER_HOST takes it."""
    return f"unix://{home / SOCKET}"


def _give_shares(home: Path) -> None:
    """Where control groups are of version 1: there each process outside competes with all that are in a group."""
    top = Path("/sys/fs/cgroup/cpu")
    if (top / "cpu.shares").exists():
        group = top / cgroup(home)
        with contextlib.suppress(OSError):  # then it is slower where much else goes on
            group.mkdir(exist_ok=True)
            (group / "cpu.shares").write_text(str(SHARES))


def _remove_cgroups(home: Path) -> None:
    name = cgroup(home)
    for pattern in (name, f"*/{name}"):  # version 2 of control groups, and 1
        for top in Path("/sys/fs/cgroup").glob(pattern):
            groups = (path for path in top.rglob("*") if path.is_dir())
            for group in [*sorted(groups, reverse=True), top]:
                group.rmdir()


def cgroup(home: Path) -> str:
    """The name of the control group that everything in the engine is below."""
    return f"kdc-{hashlib.sha256(bytes(home)).hexdigest()[:8]}"
