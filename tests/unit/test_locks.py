"""Locks of processes: held for life, freed by the kernel, and no file is left."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kube_dns_conformance import locks

TRY = (
    "import sys; from pathlib import Path; from kube_dns_conformance import locks; print(locks.hold(Path(sys.argv[1])))"
)


def held_elsewhere(path: Path) -> bool:
    """Whether another process cannot have the lock."""
    return subprocess.check_output([sys.executable, "-c", TRY, str(path)], text=True) == "False\n"


def test_a_lock_is_held_against_everybody_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert locks.hold(path)
    assert not locks.hold(path)
    assert held_elsewhere(path)
    locks.release(path)
    assert not path.exists()
    assert not held_elsewhere(path)


def test_the_file_of_a_holder_that_was_killed_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("")
    assert locks.hold(path)
    locks.release(path)


def test_a_lock_of_another_process_is_not_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("")
    locks.release(path)
    assert path.exists()


def test_a_file_that_its_holder_deletes_while_we_wait_for_it_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    flock = fcntl.flock

    def deleted_first(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", deleted_first)
    assert locks.hold(path)
    assert path.exists()
    assert held_elsewhere(path)
    locks.release(path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        locks.hold(tmp_path / "lock")
    assert os.listdir(tmp_path) == ["lock"]  # noqa: PTH208
