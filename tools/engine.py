"""A Docker engine of our own, where there is none: ``python -m tools.engine up|down|status|run COMMAND...``.

It lives in a network namespace that has no route out: nothing that a cluster sends can leave the machine. Its process
and mount namespaces make one kill end everything it started. All it keeps is below the project's state folder.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import filelock

from kube_dns_conformance.clusters import store
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.progress import step
from tools import packages, sandbox
from tools.command import ToolsError, guarded, insist_here, run, with_kind

COMMANDS = {"dockerd": "docker.io", "jq": "jq", "ip": "iproute2", "iptables": "iptables"}
REMOVAL_SECONDS, PAUSE_SECONDS = 30.0, 0.5
SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket that Linux takes."""


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
    """Start the engine unless it runs, to stay until ``down``; True when it did not run.

    Raises:
        ToolsError: it cannot run here, or did not start; nothing is left running then.
    """
    with _locked() as home:
        started = _ensure(home)
        (home / sandbox.TEMPORARY).unlink(missing_ok=True)
        return started


def down() -> None:
    """End the engine and everything in it; its images stay for the next time."""
    with _locked() as home:
        _end(home)


@contextmanager
def in_use() -> Iterator[None]:
    """Have the engine run while the block does. One that only such blocks needed ends with the last of them.

    Raises:
        ToolsError: it cannot run here, or did not start.
    """
    with _users() as users:
        with _locked() as home:
            if _ensure(home):
                (home / sandbox.TEMPORARY).touch()
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with _locked() as home:
                if _alone(users) and (home / sandbox.TEMPORARY).exists():
                    _end(home)


def status() -> Status:
    """What is there of the engine now."""
    home = directory()
    pid = sandbox.init_pid(home)
    running = pid is not None and sandbox.answers(home)
    log = home / sandbox.LOG
    return Status(
        running=running,
        docker_host=sandbox.docker_host(home) if running else "",
        network_namespace=f"/proc/{pid}/ns/net" if running else "",
        log=str(log) if log.exists() else "",
        containers=docker("ps", "--all", "--format={{.Names}}").split() if running else [],
        images=docker("images", "--format={{.Repository}}:{{.Tag}}").split() if running else [],
    )


def environment() -> dict[str, str]:
    """This process's environment, with Docker's client made to use our engine."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("DOCKER_")}
    return kept | {"DOCKER_HOST": sandbox.docker_host(directory())}


def inside(*command: str) -> list[str]:
    """``command`` as a command that runs in the engine's network, where its clusters can be reached.

    Raises:
        ToolsError: the engine does not run.
    """
    pid = sandbox.init_pid(directory())
    if pid is None:
        raise ToolsError("the engine does not run", "make engine starts it")
    return ["nsenter", f"--net=/proc/{pid}/ns/net", "--", *command]


def docker(*arguments: str) -> str:
    """Run a command of Docker's client on our engine; its standard output. Raises ToolsError."""
    return run(["docker", *arguments], env=environment())


def _ensure(home: Path) -> bool:
    insist_here()
    if sandbox.init_pid(home) is not None and sandbox.answers(home) and not _abandoned(home):
        return False
    packages.need(COMMANDS, "no Docker engine answers, and kind clusters need one")
    packages.need({"docker": "docker-cli"}, "the client of the Docker engine")
    sandbox.stop(home)  # what a killed one left
    try:
        with step("starting a Docker engine without a way out of this machine"):
            sandbox.start(home)
    except BaseException:  # Ctrl-C as well
        sandbox.stop(home)
        raise
    return True


def _end(home: Path) -> None:
    if sandbox.init_pid(home) is not None and sandbox.answers(home):
        with step("removing the engine's containers"):
            _remove_containers()
    sandbox.stop(home)
    if not any(home.iterdir()):
        home.rmdir()


def _remove_containers() -> None:
    deadline = time.monotonic() + REMOVAL_SECONDS
    while containers := docker("ps", "--all", "--quiet").split():
        try:
            docker("rm", "--force", "--volumes", *containers)
        except ToolsError:  # somebody else may be removing one, and who ends a test does so while its cluster goes
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)
    docker("network", "prune", "--force")
    docker("volume", "prune", "--force")


def _abandoned(home: Path) -> bool:
    """Whether all who used a temporary engine were killed. To be asked with the engine locked."""
    with _users() as users:
        return (home / sandbox.TEMPORARY).exists() and _alone(users)


def _alone(users: int) -> bool:
    """Whether nobody else holds the engine as in use."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _users() -> Iterator[int]:
    """A file that the engine's users lock: the kernel lets go of it when one is killed."""
    file = directory().with_name(".engine.users")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked() -> Iterator[Path]:
    """Hold the engine for starting or stopping it; the kernel lets go of it when the holder is killed."""
    home = directory()
    if len(bytes(home / sandbox.SOCKET)) > SOCKET_PATH_BYTES:
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
            words = inside(*arguments.command)
            os.execvpe(words[0], words, with_kind(environment()))  # Ctrl-C and the exit status are the command's own
    return 0


def _show(found: Status, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    print("the engine runs" if found.running else "the engine does not run")
    for name, value in asdict(found).items():
        if value and name != "running":
            print(f"  {name.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}")


if __name__ == "__main__":
    guarded(main)
