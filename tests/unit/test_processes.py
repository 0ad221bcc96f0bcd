"""A process of a cluster is taken down and started again as it was."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kube_dns_conformance.clusters import processes
from kube_dns_conformance.errors import ClusterError

PROGRAM = "import sys, time; print(sys.argv[1], flush=True); time.sleep(60)"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    processes.stop_all(tmp_path)


def start(directory: Path, word: str) -> Path:
    log = directory / f"{word}.log"
    processes.start([sys.executable, "-c", PROGRAM, word], directory, log)
    wait_lines(log, word)
    return log


def wait_lines(log: Path, *lines: str) -> None:
    wait_for(lambda: log.read_text().splitlines() == list(lines))


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_was_taken_down_starts_again_as_it_was(directory: Path) -> None:
    log, other = start(directory, "one"), start(directory, "two")
    start_again = processes.take_down(directory, log, "one")
    assert len(processes.of_cluster(directory)) == 1
    start_again()
    wait_lines(log, "one", "one")
    assert other.read_text() == "two\n"
    assert len(processes.of_cluster(directory)) == 2


def test_a_program_is_found_by_its_name(directory: Path) -> None:
    log = start(directory, "one")
    processes.take_down(directory, log, Path(sys.executable).name)
    assert processes.of_cluster(directory) == []


def test_others_go_first_but_for_one_program(directory: Path) -> None:
    start(directory, "one")
    log = directory / "sleep.log"
    processes.start(["sleep", "60"], directory, log)
    wait_for(lambda: {one.name() for one in processes.of_cluster(directory)} >= {"sleep"})
    processes.give_way(directory, "sleep")
    nice = {one.cmdline()[-1]: one.nice() for one in processes.of_cluster(directory)}
    assert nice == {"60": os.getpriority(os.PRIO_PROCESS, 0), "one": processes.GIVEN_WAY}


def test_a_process_stands_still_for_a_while(directory: Path) -> None:
    start(directory, "one")
    (process,) = processes.of_cluster(directory)
    with processes.frozen(directory, "one"):
        wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
    wait_for(lambda: process.status() != psutil.STATUS_STOPPED)


@pytest.mark.parametrize(("words", "number"), [(("three",), 0), (("-c", PROGRAM), 2)])
def test_it_has_to_be_one_process(directory: Path, words: tuple[str, ...], number: int) -> None:
    log, _ = start(directory, "one"), start(directory, "two")
    with pytest.raises(ClusterError, match=f"^{number} processes of the cluster have"):
        processes.take_down(directory, log, *words)
    assert len(processes.of_cluster(directory)) == 2


def test_a_process_with_an_id_that_another_had_before_is_ended(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(directory, "one")
    one = psutil.Process(processes.of_cluster(directory)[0].pid)
    (remembered,) = (process for process in psutil.process_iter() if process.pid == one.pid)
    monkeypatch.setattr(
        remembered, "_ident", (one.pid, 1.0)
    )  # what psutil remembers of that id is a process of long ago
    processes.stop_all(directory)
    assert not one.is_running() or one.status() == psutil.STATUS_ZOMBIE
