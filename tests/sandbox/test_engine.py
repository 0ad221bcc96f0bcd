"""The engine of our own: nothing gets out of it, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from kube_dns_conformance.toolchain import Toolchain
from sandbox.machine import NOTHING, Machine
from tools import sandbox
from tools.archive import Image, pack

IMAGE = "example.invalid/server:1"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of one static program that runs until it is ended."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "root").mkdir()
    program = folder / "root" / "server"
    program.write_bytes(Toolchain().need("coredns")["coredns"].read_bytes())
    program.chmod(0o755)
    pack(folder / "root", folder / "layer", compress=True)
    Image(IMAGE, [folder / "layer"], entrypoint=["/server"], labels={"made": "by tests"}).write(folder / "image.tar")
    return folder / "image.tar"


def namespaces_of(pid: int) -> set[str]:
    """Processes that are in the same network namespace."""
    wanted = Path(f"/proc/{pid}/ns/net").readlink()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "ns" / "net").readlink() == wanted:
                found.add(process.name)
        except OSError:
            continue
    return found


def runs(pid: int) -> bool:
    """Whether a process runs: what has ended may stay listed until somebody looks."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_started(process: subprocess.Popen[str], machine: Machine, *, within_seconds: float = 30) -> None:
    deadline = time.monotonic() + within_seconds
    while sandbox.init_pid(machine.home) is None:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_up_status_down(machine: Machine, archive: Path) -> None:
    assert machine.status()["running"] is False
    assert machine.engine("up").startswith("the engine runs: ")
    assert machine.engine("up").startswith("the engine runs already: ")
    machine.engine("run", "docker", "load", f"--input={archive}")
    machine.engine("run", "docker", "run", "--detach", "--name=one", "--volume=/data", IMAGE, "-dns.port=1053")
    found = machine.status()
    assert (found["running"], found["containers"], found["images"]) == (True, ["one"], [IMAGE])
    pid = sandbox.init_pid(machine.home)
    assert pid is not None
    inside = namespaces_of(pid)
    assert len(inside) >= 3  # first process, dockerd, containerd
    assert [path.read_text() for path in machine.shares()] in ([], ["4096\n"])  # of one process outside: 1024

    machine.engine("down")
    assert machine.remains() == NOTHING
    assert {pid for pid in inside if runs(int(pid))} == set()
    assert machine.status()["running"] is False

    machine.engine("up")
    found = machine.status()
    assert (found["containers"], found["images"]) == ([], [IMAGE])  # nothing came back but the image
    assert machine.engine("run", "docker", "volume", "ls", "--quiet") == ""


def test_there_is_no_way_out(engine: Machine) -> None:
    routes = engine.engine("run", "ip", "-4", "route", "show").splitlines()
    assert all(" dev docker0 " in f"{route} " or " dev br-" in route for route in routes)
    assert engine.engine("run", "ip", "route", "show", "default") == ""
    assert engine.engine("run", "ip", "-6", "route", "show", "default") == ""
    links = {line.split()[0] for line in engine.engine("run", "ip", "-brief", "link").splitlines()}
    assert {link for link in links if not link.startswith(("lo", "docker0", "br-", "veth"))} == set()


def test_only_its_owner_reaches_the_socket(engine: Machine) -> None:
    assert (engine.home / "docker.sock").stat().st_mode & 0o777 == 0o600
    assert engine.home.stat().st_mode & 0o777 == 0o700


def test_a_container_is_started_although_the_capability_cannot_be_granted(engine: Machine, archive: Path) -> None:
    engine.engine("run", "docker", "load", f"--input={archive}")
    run = [
        "docker",
        "run",
        "--rm",
        "--privileged",
        "--ulimit=nofile=2097152",
        "--oom-score-adj=-500",
        IMAGE,
        "-version",
    ]
    assert "CoreDNS-" in engine.engine("run", *run)


def test_run_passes_the_status_and_ctrl_c_on(engine: Machine) -> None:
    assert engine("engine", "run", "sh", "-c", "exit 7").returncode == 7
    process = engine.start("engine", "run", "sh", "-c", "trap 'exit 9' INT; echo ready; while :; do sleep 0.1; done")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 9


def test_run_without_an_engine_is_one_clear_line(machine: Machine) -> None:
    done = machine("engine", "run", "true")
    assert (done.returncode, done.stderr) == (3, "ERROR: the engine does not run\n  hint: make engine starts it\n")


@pytest.mark.release
def test_two_at_once_start_one(machine: Machine) -> None:
    both = [machine.start("engine", "up") for _ in range(2)]
    said = sorted(process.communicate(timeout=120)[0].partition(":")[0] for process in both)
    assert said == ["the engine runs", "the engine runs already"]


@pytest.mark.release
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_told_to_end_leaves_nothing(machine: Machine, number: int) -> None:
    process = machine.start("engine", "up")
    wait_until_started(process, machine)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert machine.remains() == NOTHING


@pytest.mark.release
def test_a_start_that_was_killed_is_finished_or_cleaned_by_the_next(machine: Machine) -> None:
    process = machine.start("engine", "up")
    wait_until_started(process, machine)
    process.kill()
    process.communicate()
    machine.engine("up")
    assert machine.status()["running"] is True
    machine.engine("down")
    assert machine.remains() == NOTHING


@pytest.mark.release
def test_an_engine_that_was_killed_with_containers_is_cleaned_by_the_next(machine: Machine, archive: Path) -> None:
    machine.engine("up")
    machine.engine("run", "docker", "load", f"--input={archive}")
    machine.engine("run", "docker", "run", "--detach", "--restart=always", IMAGE, "-dns.port=1053")
    pid = sandbox.init_pid(machine.home)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    machine.engine("up")
    assert machine.status()["containers"] == []
    machine.engine("down")
    assert machine.remains() == NOTHING


@pytest.mark.release
def test_down_without_an_engine_does_nothing(machine: Machine) -> None:
    assert machine.engine("down") == "the engine is gone\n"
    assert machine.remains() == NOTHING
