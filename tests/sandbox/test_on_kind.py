"""What is started for a command ends with it, however that ends."""

from __future__ import annotations

import signal
import subprocess

import pytest

from sandbox.machine import NOTHING, Machine

ASK = "docker info >/dev/null && echo $KDC_KIND_IMAGE"


@pytest.fixture(autouse=True)
def _no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The node image is not needed for these: a name is enough."""
    monkeypatch.setenv("KDC_KIND_IMAGE", "example.invalid/node:1")


def started(machine: Machine, script: str) -> subprocess.Popen[str]:
    process = machine.start("on_kind", "sh", "-c", script)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "ready\n", process.communicate()
    return process


@pytest.mark.parametrize("status", [0, 7])
def test_the_engine_ends_with_the_command(machine: Machine, status: int) -> None:
    done = machine("on_kind", "sh", "-c", f"{ASK}; exit {status}")
    assert (done.returncode, done.stdout) == (status, "example.invalid/node:1\n")
    assert machine.remains() == NOTHING


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_engine_ends_after_the_command_was_told_to_end(machine: Machine, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    process = started(
        machine, f"trap 'docker info >/dev/null && exit 9' {name}; echo ready; while :; do sleep 0.1; done"
    )
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 9  # the engine was still there for its cleaning up
    assert machine.remains() == NOTHING


@pytest.mark.release
def test_an_engine_that_ran_before_stays(machine: Machine) -> None:
    machine.engine("up")
    assert machine("on_kind", "sh", "-c", ASK).returncode == 0
    assert machine.status()["running"] is True


@pytest.mark.release
def test_the_last_of_two_ends_the_engine(machine: Machine) -> None:
    first = started(machine, "echo ready; while :; do sleep 0.1; done")
    assert machine("on_kind", "sh", "-c", ASK).returncode == 0
    assert machine.status()["running"] is True
    first.terminate()
    first.communicate(timeout=60)
    assert machine.remains() == NOTHING


@pytest.mark.release
def test_a_killed_one_takes_its_command_along_and_its_engine_is_not_used_again(machine: Machine) -> None:
    process = started(machine, "echo ready; exec sleep 600")
    process.kill()
    process.communicate(timeout=20)  # returns when the command has closed its output
    assert machine("on_kind", "sh", "-c", ASK).returncode == 0
    assert machine.remains() == NOTHING


@pytest.mark.release
def test_a_command_that_does_not_exist_is_one_clear_line(machine: Machine) -> None:
    done = machine("on_kind", "/nonexistent/command")
    assert done.returncode == 127
    assert "/nonexistent/command" in done.stderr
    assert machine.remains() == NOTHING
