"""The errors that end a run with one clear line instead of a traceback, each with its exit code."""

from __future__ import annotations

import os
import tempfile
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to the shell."""

    CONFORMANT = 0
    NONCONFORMANT = 1
    USAGE = 2
    COULD_NOT_JUDGE = 3
    COMMAND_FAILED = 4
    INTERRUPTED = 130


class KdcError(Exception):
    """Something the user should read as one line. ``hint`` says what to install, set or do about it."""

    exit_code = ExitCode.COULD_NOT_JUDGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class UsageError(KdcError):
    """The command line or a file it names is wrong."""

    exit_code = ExitCode.USAGE


class ToolchainError(KdcError):
    """A binary could not be found, downloaded or built."""


class ClusterError(KdcError):
    """A cluster could not be started, reached or stopped."""


class ForbiddenError(ClusterError):
    """The API server does not let this user do that."""


class ReportError(KdcError):
    """The report could not be written to its end."""


def one_line(error: BaseException) -> str:
    """An unforeseen error as one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]


def save_details(text: str) -> str:
    """Keep what would fill the screen in a file that only this user can read. Returns its path."""
    descriptor, path = tempfile.mkstemp(prefix="kube-dns-conformance-", suffix=".txt")
    with os.fdopen(descriptor, "w", errors="backslashreplace") as file:
        file.write(text)
    return path
