"""Locks that the kernel frees when their holder ends, however it ends: no clock and no process id has to be trusted."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_held: dict[Path, int] = {}


def hold(path: Path) -> bool:
    """Hold the lock ``path`` until `release` or the end of this process. False when somebody holds it already.

    Programs that this process starts do not inherit it. Raises OSError when the file cannot be made.
    """
    while path not in _held:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        if _is_at(descriptor, path):
            _held[path] = descriptor
            return True
        os.close(descriptor)  # its holder deleted it between our opening and locking it
    return False


def release(path: Path) -> None:
    """Give up a lock of this process, and delete its file; nothing when this process does not hold it."""
    descriptor = _held.pop(path, None)
    if descriptor is not None:
        path.unlink(missing_ok=True)  # while it is still held: whoever opens it later makes a new one
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
