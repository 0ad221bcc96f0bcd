"""Tasks side by side: every result comes, and a failure ends what has not begun."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tools import pool

folder = Path()
LONG = 1000


def prepare(given: Path) -> None:
    global folder  # noqa: PLW0603 - what a process keeps, as in the tables
    folder = given


def task(number: int) -> tuple[int, int]:
    if number < 0:
        raise ValueError("no such task")
    if number == LONG:
        time.sleep(600)
    (folder / str(number)).touch()
    return number, os.getpid()


def test_every_result_comes_from_processes_that_stay(tmp_path: Path) -> None:
    found = list(pool.each(task, range(20), 2, prepare, tmp_path))
    assert sorted(number for number, _ in found) == list(range(20))
    assert len({process for _, process in found} - {os.getpid()}) in {1, 2}
    assert {one.name for one in tmp_path.iterdir()} == {str(number) for number in range(20)}


def test_a_failure_comes_out_and_ends_what_has_not_begun(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such task"):
        list(pool.each(task, [-1, *range(200)], 1, prepare, tmp_path))
    assert len(list(tmp_path.iterdir())) < 200


def test_a_failure_does_not_wait_for_what_goes_on(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ValueError, match="no such task"):
        list(pool.each(task, [LONG, -1], 2, prepare, tmp_path))
    assert time.monotonic() - began < 60
