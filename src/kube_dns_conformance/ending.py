"""How a command ends: with the right exit status, and every error in one line."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import typer
from rich.console import Console
from typer.exceptions import TyperException

from kube_dns_conformance.errors import ExitCode, KdcError, one_line, save_details

Status = int | str | None


def status_of(command: Callable[[], object]) -> Status:
    """Run what was typed, which may return a status; what the process says to the shell."""
    try:
        status = command()
        return status if isinstance(status, int) else 0
    except SystemExit as ended:
        return ended.code
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - a bug of ours is told as well
        return _failed(error)


def _failed(error: Exception) -> int:
    match error:
        case TyperException():
            return _wrong_usage(error)
        case KdcError():
            return _say(str(error), error.exit_code)
        case OSError():
            return _say(f"{error.filename or 'operating system'}: {error.strerror or error}", ExitCode.COULD_NOT_JUDGE)
    details = save_details("".join(traceback.format_exception(error)))
    return _say(f"a bug of ours: {one_line(error)} (details in {details})", ExitCode.COULD_NOT_JUDGE)


def _wrong_usage(error: TyperException) -> int:
    text = error.format_message() if isinstance(error, typer.BadParameter) else str(error)
    if not text:  # it has shown the help instead
        return int(ExitCode.USAGE)
    return _say(f"{text.replace('Value error, ', '')}\n  hint: --help shows every option", ExitCode.USAGE)


def _say(text: str, code: ExitCode) -> int:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"ERROR: {text}", markup=False)
    return int(code)
