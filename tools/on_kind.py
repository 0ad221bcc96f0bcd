"""Run a command where kind works: ``python -m tools.on_kind [--optional] COMMAND...``, or ``--why-not``.

Where a container engine of the user's answers, that is right here. Elsewhere, as root on Debian, an engine of our own
is started for it, with a node image in it, and stopped afterwards.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType

from tools import engine, kind_image
from tools.command import ToolsError, guarded, why_not_here, with_kind

ENGINE_SECONDS = 20.0
"""How long the user's engine may take to answer."""
IMAGE_VARIABLE = "KDC_KIND_IMAGE"
VERSION_VARIABLE = "KDC_KUBERNETES"


def engine_answers() -> bool:
    """Whether the user's own container engine does."""
    if not shutil.which("docker"):
        return False
    command = ["docker", "info", "--format={{.ServerVersion}}"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=ENGINE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def attended(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run ``command`` to its own end, also when this process is told to end; its status, as a shell gives it."""
    early: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if not started:
            early.append(number)
        elif number != signal.SIGINT or not _from_terminal():
            started[0].send_signal(number)

    # Before the start: the command may be at work before this process comes to its next line.
    with _handled_by(pass_on), subprocess.Popen(command, env=environment) as child:
        started.append(child)
        for number in early:
            child.send_signal(number)
        status = child.wait()
    return status if status >= 0 else 128 - status


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, one in before.items():
            signal.signal(number, one)


def _from_terminal() -> bool:
    """Whether a terminal sends Ctrl-C to this process, and so to the child as well."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _in_our_engine(command: Sequence[str]) -> int:
    with engine.in_use():
        environment = with_kind(engine.environment())
        if not environment.get(IMAGE_VARIABLE):
            environment[IMAGE_VARIABLE] = kind_image.provide(environment.get(VERSION_VARIABLE, ""))
        # Should this process be killed, nobody passes signals on, and the engine is not the command's any more.
        return attended(["setpriv", "--pdeathsig=TERM", *engine.inside(*command)], environment)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.on_kind", description=__doc__)
    parser.add_argument("--optional", action="store_true", help="where neither is possible, say so and succeed")
    parser.add_argument("--why-not", action="store_true", help="only say so, where neither is possible")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND...")
    arguments = parser.parse_args()
    command: list[str] = arguments.command
    if not command and not arguments.why_not:
        parser.error("which command?")
    answers, why = engine_answers(), f"no container engine answers, and {why_not_here()}"
    possible = answers or not why_not_here()
    if arguments.why_not:
        if not possible:
            print(f"NOT RUN: what needs a container engine (kind clusters, tools/): {why}", file=sys.stderr)
        return 0
    if answers:
        os.execvp(command[0], command)
    if possible:
        return _in_our_engine(command)
    if not arguments.optional:
        raise ToolsError(why, "install Docker and start it")
    print(f"NOT RUN: {shlex.join(command)}: {why}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    guarded(main)
