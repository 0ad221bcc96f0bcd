"""Running other programs so that nothing of them stays behind: each in a process group of its own, without a shell."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO


@dataclass(frozen=True)
class Finished:
    """How a program ended. ``code`` is None when it was ended for taking too long."""

    code: int | None
    output: str


def probe(command: Sequence[str], *, seconds: float) -> Finished:
    """Run a program that should end at once; both its outputs together.

    Raises:
        OSError: it cannot be started.
    """
    # A file, not a pipe: a program's own children may keep a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        with _group(command, stdout=output, stderr=output) as process:
            try:
                code: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
        return Finished(code, _text(output))


def follow(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], line: Callable[[str], None]) -> Finished:
    """Run a program that takes long; ``line`` gets each line of its standard error, ``output`` is its standard output.

    Whatever ends this function early (Ctrl-C, SIGTERM inside ``exit_on_sigterm``) ends the program's whole group.
    """
    with tempfile.TemporaryFile(dir=cwd) as output:
        with _group(command, stdout=output, stderr=subprocess.PIPE, cwd=cwd, env=env) as process:
            for raw in process.stderr or ():
                line(raw.decode(errors="replace").rstrip())
            code = process.wait()
        return Finished(code, _text(output))


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the block (SystemExit 143) instead of ending the process with its cleaning up undone.

    A handler that is already there stays; so does everything outside the main thread, where none can be set.
    """
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _group(
    command: Sequence[str],
    *,
    stdout: IO[bytes],
    stderr: IO[bytes] | int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=cwd, env=env, start_new_session=True
    )
    try:
        yield process
    finally:
        # Only while the leader is not reaped is the number surely still that of our group.
        if process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr:
            process.stderr.close()


def _text(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")
