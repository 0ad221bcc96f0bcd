"""Progress for whatever takes over two seconds: a bar on a terminal, plain lines elsewhere (CI logs)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn


class Output(Console):
    """A console that goes on in silence when nobody reads it any more: a verdict does not depend on who listens."""

    def on_broken_pipe(self) -> None:
        """Send the rest nowhere, whatever writes it."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


console = Output(stderr=True, highlight=False)
"""Where progress goes: standard error, so that ``--json`` on standard output stays clean."""

PLAIN_LINE_EVERY_SECONDS = 15.0


class Step:
    """One thing under way. ``update`` may be called from any thread and as often as convenient."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.note = ""
        self.done = 0
        self.total: int | None = None

    def update(self, *, done: int | None = None, total: int | None = None, note: str | None = None) -> None:
        """Tell how far it is; ``total`` may become known late."""
        self.done = self.done if done is None else done
        self.total = self.total if total is None else total
        self.note = self.note if note is None else note

    def text(self) -> str:
        """One line for a log."""
        count = f" {self.done}/{self.total}" if self.total else ""
        return f"{self.title}{count}{f' ({self.note})' if self.note else ''}"


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show ``title`` while the block runs. Nothing is shown for what ends within two seconds on a log."""
    current = Step(title)
    stop = threading.Event()
    show = _bar if console.is_terminal else _lines
    thread = threading.Thread(target=show, args=(current, stop), daemon=True)
    thread.start()
    try:
        yield current
    finally:
        stop.set()
        thread.join()


def _bar(current: Step, stop: threading.Event) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(current.title, total=None)
        while not stop.wait(0.1):
            note = f" [dim]{current.note}[/dim]" if current.note else ""
            progress.update(task, description=current.title + note, completed=current.done, total=current.total)


def _lines(current: Step, stop: threading.Event) -> None:
    began = time.monotonic()
    wait = 2.0
    while not stop.wait(wait):
        console.print(f"… {current.text()}, {time.monotonic() - began:.0f} s", markup=False)
        wait = PLAIN_LINE_EVERY_SECONDS
    if time.monotonic() - began > 2.0:
        console.print(f"✓ {current.title}, {time.monotonic() - began:.0f} s", markup=False)
