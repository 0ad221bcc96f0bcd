"""Being told to end is an occasion to clean up."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def clean_up_when_terminated() -> None:
    """Let SIGTERM and SIGHUP end this process the way Ctrl-C does, unless somebody already handles them."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
