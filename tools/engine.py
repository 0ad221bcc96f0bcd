"""A Docker engine of our own, where there is none: ``python -m tools.engine up|down|status|run COMMAND...``.

It lives in a network namespace that has no route out: nothing that a cluster sends can leave the machine. Its process
and mount namespaces make one kill end everything it started. All it keeps is below the project's state folder.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import filelock

from kube_dns_conformance.clusters import processes, store
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.progress import step
from tools import packages
from tools.command import ToolsError, guarded, insist_here, run

START_SECONDS = 60.0
SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket that Linux takes."""
COMMANDS = {"dockerd": "docker.io", "jq": "jq", "ip": "iproute2", "iptables": "iptables"}
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Status:
    """What is there of the engine."""

    running: bool
    docker_host: str
    network_namespace: str
    log: str
    containers: list[str]
    images: list[str]


def directory() -> Path:
    """Where the engine's socket, log and images are: beside the clusters, so that KDC_STATE moves them as well."""
    return store.root().with_name("engine")


def up() -> bool:
    """Start the engine unless it runs; True when it did not.

    Raises:
        ToolsError: it cannot run here, or did not start; nothing is left running then.
    """
    insist_here()
    with _locked() as home:
        if init_pid() is not None and _answers(home):
            return False
        packages.need(COMMANDS, "no Docker engine answers, and kind clusters need one")
        packages.need({"docker": "docker-cli"}, "the client of the Docker engine")
        _remove_remains(home)
        try:
            with step("starting a Docker engine without a way out of this machine"):
                _start(home)
        except BaseException:  # Ctrl-C as well
            _stop(home)
            raise
        return True


def down() -> None:
    """End the engine and everything in it; its images stay for the next time."""
    with _locked() as home:
        if init_pid() is not None and _answers(home):
            with step("removing the engine's containers"):
                _remove_containers()
        _remove_remains(home)
        if not any(home.iterdir()):
            home.rmdir()


def status() -> Status:
    """What is there of the engine now."""
    home, pid = directory(), init_pid()
    running = pid is not None and _answers(home)
    return Status(
        running=running,
        docker_host=_docker_host(home) if running else "",
        network_namespace=f"/proc/{pid}/ns/net" if running else "",
        log=str(home / "engine.log") if (home / "engine.log").exists() else "",
        containers=docker("ps", "--all", "--format={{.Names}}").split() if running else [],
        images=docker("images", "--format={{.Repository}}:{{.Tag}}").split() if running else [],
    )


def init_pid() -> int | None:
    """The first process of the engine's namespaces, by the id it has here; None when there is none."""
    for process in processes.of_cluster(directory()):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            ids = next(line.split()[1:] for line in lines if line.startswith("NSpid:"))
            if len(ids) == 2 and ids[1] == "1":
                return process.pid
    return None


def environment() -> dict[str, str]:
    """This process's environment, with Docker's client made to use our engine."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("DOCKER_")}
    return kept | {"DOCKER_HOST": _docker_host(directory())}


def inside(*command: str) -> list[str]:
    """``command`` as a command that runs in the engine's network, where its clusters can be reached.

    Raises:
        ToolsError: the engine does not run.
    """
    pid = init_pid()
    if pid is None:
        raise ToolsError("the engine does not run", "make engine starts it")
    return ["nsenter", f"--net=/proc/{pid}/ns/net", "--", *command]


def docker(*arguments: str) -> str:
    """Run a command of Docker's client on our engine; its standard output. Raises ToolsError."""
    return run(["docker", *arguments], env=environment())


@contextlib.contextmanager
def _locked() -> Iterator[Path]:
    """Hold the engine for starting or stopping it; the kernel lets go of it when the holder is killed."""
    home = directory()
    if len(bytes(home / "docker.sock")) > SOCKET_PATH_BYTES:
        raise UsageError(f"{home} is too long a path for a socket", "set KDC_STATE to a shorter one")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = filelock.FileLock(home.with_name(".engine.lock"), mode=0o600)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        with step("waiting for another process that starts or stops the engine"):
            lock.acquire()
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        yield home
    finally:
        lock.release()


def _start(home: Path) -> None:
    runtime = home / "runc-without-sys-resource"
    shutil.copy(_HERE / "files" / runtime.name, runtime)
    command = [
        *("unshare", "--fork", "--kill-child", "--pid", "--net", "--mount", "--propagation=slave", "--"),
        *(sys.executable, "-I", "-S", str(_HERE / "engine_init.py")),
        "dockerd",
        f"--host={_docker_host(home)}",
        "--group=root",
        f"--data-root={home / 'data'}",
        f"--cgroup-parent=/{_cgroup(home)}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        "--oom-score-adjust=0",
        f"--add-runtime=limited={runtime}",
        "--default-runtime=limited",
        "--dns=192.0.2.1",  # nobody: names of the outside are refused at once instead of asked for
    ]
    log = home / "engine.log"
    log.unlink(missing_ok=True)
    process = processes.start(command, home, log)
    deadline = time.monotonic() + START_SECONDS
    while not _answers(home):
        if process.poll() is not None or time.monotonic() > deadline:
            said = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
            raise ToolsError(f"the Docker engine did not start: {said}")
        time.sleep(0.05)
    (home / "docker.sock").chmod(0o600)


def _answers(home: Path) -> bool:
    connection = http.client.HTTPConnection("engine", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.sock.settimeout(10)
        connection.sock.connect(str(home / "docker.sock"))
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _remove_containers() -> None:
    containers = docker("ps", "--all", "--quiet").split()
    if containers:
        docker("rm", "--force", "--volumes", *containers)
    docker("network", "prune", "--force")
    docker("volume", "prune", "--force")


def _remove_remains(home: Path) -> None:
    """End whatever runs, and delete what is not kept; images as well when the engine was killed with containers."""
    _stop(home)
    if any((home / "data" / "containers").glob("*")):
        with step("deleting what a killed engine left"):
            shutil.rmtree(home / "data")
    for file in ("docker.sock", "engine.log", "runc-without-sys-resource"):
        (home / file).unlink(missing_ok=True)


def _stop(home: Path) -> None:
    processes.stop_all(home, within=60)
    name = _cgroup(home)
    for pattern in (name, f"*/{name}"):
        for top in Path("/sys/fs/cgroup").glob(pattern):
            # Empty now; what is below goes first.
            for group in [*sorted((p for p in top.rglob("*") if p.is_dir()), reverse=True), top]:
                group.rmdir()


def _cgroup(home: Path) -> str:
    return f"kdc-{hashlib.sha256(bytes(home)).hexdigest()[:8]}"


def _docker_host(home: Path) -> str:
    return f"unix://{home / 'docker.sock'}"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.engine", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up", help="start it, or do nothing when it runs")
    verbs.add_parser("down", help="end it and everything in it; its images stay")
    verbs.add_parser("status", help="what is there").add_argument("--json", action="store_true")
    runs = verbs.add_parser("run", help="run a command in the engine's network, with DOCKER_HOST set")
    runs.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND...")
    arguments = parser.parse_args()
    match arguments.verb:
        case "up":
            print("the engine runs" + ("" if up() else " already") + ": python -m tools.engine run COMMAND...")
        case "down":
            down()
            print("the engine is gone")
        case "status":
            _show(status(), as_json=arguments.json)
        case "run":
            if not arguments.command:
                parser.error("run: which command?")
            sys.stdout.flush()
            words = inside(*arguments.command)
            os.execvpe(words[0], words, environment())  # Ctrl-C and the exit status are the command's own
    return 0


def _show(found: Status, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    print("the engine runs" if found.running else "the engine does not run")
    for name, value in asdict(found).items():
        if value and name != "running":
            print(f"  {name}: {', '.join(value) if isinstance(value, list) else value}")


if __name__ == "__main__":
    guarded(main)
