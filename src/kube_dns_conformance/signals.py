"""Being told to end is an occasion to clean up: the first signal ends the work, the second is asked for patience."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

PATIENCE = b"cleaning up, please wait (once more to leave it undone)\n"


class _State:
    """What this process was told so far: one for the process, as signal handlers are."""

    first = 0
    cleaning = 0
    came_while_cleaning = False
    asked_for_patience = False


def clean_up_when_terminated() -> None:
    """Let SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt once, unless somebody already handles or ignores them.

    A further signal says that the clean-up is under way, and one more kills this process on the spot.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _handle)


@contextmanager
def cleaning_up(*, final: bool = False) -> Iterator[None]:
    """A block that no first signal interrupts: KeyboardInterrupt is raised when the outermost one ends.

    Not when that one is ``final``, which nothing but reports follows: then `exit_status` alone tells of the signal.
    """
    _State.cleaning += 1
    try:
        yield
    finally:
        _State.cleaning -= 1
        if not _State.cleaning and _State.came_while_cleaning:
            _State.came_while_cleaning = False
            if not final:
                raise KeyboardInterrupt


def heed() -> None:
    """Raise KeyboardInterrupt once more: the first may have come to where exceptions are lost, as in a finalizer."""
    if _State.first and not _State.cleaning:
        raise KeyboardInterrupt


def exit_status() -> int | None:
    """What the shell expects of a process that was told to end (130 after Ctrl-C, 143 after SIGTERM), else None."""
    return 128 + _State.first if _State.first else None


def _handle(number: int, _frame: FrameType | None) -> None:
    told_before, _State.first = bool(_State.first), _State.first or number
    if not told_before and not _State.cleaning:
        raise KeyboardInterrupt
    _State.came_while_cleaning |= not told_before
    if not _State.asked_for_patience:
        _State.asked_for_patience = True
        with suppress(OSError):  # the terminal may be gone
            os.write(2, PATIENCE)  # not print: this may have come in the middle of one
        return
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
