"""Starting the components of an embedded cluster: one that ended is told of, but not while it is started again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kube_dns_conformance.clusters import kwokctl, processes
from kube_dns_conformance.errors import ClusterError


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Of a cluster whose API server runs and whose controllers have given up."""
    made = tmp_path / "here"
    for name in ("pids", "logs"):
        (made / "clusters" / "here" / name).mkdir(parents=True)
    note(made, "kube-apiserver", os.getpid(), "")
    note(made, kwokctl.CONTROLLERS, ended(), f"it {kwokctl.GAVE_UP}")
    yield made
    processes.stop_all(made)


def ended() -> int:
    """The id of a process that has."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def note(directory: Path, component: str, pid: int, log: str) -> None:
    there = directory / "clusters" / "here"
    (there / "pids" / f"{component}.pid").write_text(str(pid))
    (there / "logs" / f"{component}.log").write_text(log)


def starting(directory: Path, *lines: str) -> dict[str, Path]:
    """A kwokctl that does this to the controllers."""
    program = directory / "kwokctl"
    where = f"cd {directory}/clusters/here"
    program.write_text("\n".join(["#!/bin/sh", where, f"log=logs/{kwokctl.CONTROLLERS}.log", *lines, ""]))
    program.chmod(0o755)
    return {"kwokctl": program}


def test_controllers_that_gave_up_are_not_held_to_have_ended_while_they_are_started_again(directory: Path) -> None:
    # The log is begun anew a moment before there is another process.
    tools = starting(directory, ": > $log", "sleep 0.5", f"echo {os.getpid()} > pids/{kwokctl.CONTROLLERS}.pid")
    kwokctl.insist_controlling(directory, tools)
    kwokctl.insist_running(directory)


def test_controllers_that_end_for_another_reason_are_told_of(directory: Path) -> None:
    tools = starting(directory, "echo unknown flag > $log")
    kwokctl.insist_controlling(directory, tools)
    with pytest.raises(ClusterError, match="kube-controller-manager ended at once: unknown flag"):
        kwokctl.insist_controlling(directory, tools)
