"""Ctrl-C once ends the work, twice is asked for patience, three times ends everything; SIGTERM likewise."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# None of them waits without end: a signal that comes right before such a wait begins is handled only after it.
WORK = """
import select, sys, time
from kube_dns_conformance import signals
signals.clean_up_when_terminated()
try:
    print("working", flush=True)
    while True: time.sleep(0.01)
finally:
    print("cleaning", flush=True)
    while not select.select([sys.stdin], [], [], 0.01)[0]: pass
    print("clean", flush=True)
    sys.exit(signals.exit_status())
"""
CLEANING = """
import select, sys
from kube_dns_conformance import signals
signals.clean_up_when_terminated()
with signals.cleaning_up(final=True):
    print("cleaning", flush=True)
    while not select.select([sys.stdin], [], [], 0.01)[0]: pass
    print("clean", flush=True)
sys.exit(signals.exit_status())
"""
BETWEEN = """
import select, sys
from kube_dns_conformance import signals
signals.clean_up_when_terminated()
try:
    with signals.cleaning_up():
        with signals.cleaning_up():
            print("cleaning", flush=True)
            while not select.select([sys.stdin], [], [], 0.01)[0]: pass
        print("clean", flush=True)
    print("working", flush=True)
except KeyboardInterrupt:
    print("ending", flush=True)
sys.exit(signals.exit_status())
"""

LOST = """
import sys, time
from kube_dns_conformance import signals
signals.clean_up_when_terminated()
class Finalized:
    def __del__(self):
        print("working", flush=True)
        while True: time.sleep(0.01)
Finalized()
print("lost", flush=True)
try:
    signals.heed()
except KeyboardInterrupt:
    print("ending", flush=True)
sys.exit(signals.exit_status())
"""


class Runner:
    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def says(self, line: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{line}\n"

    def go_on(self) -> int:
        self.said, _ = self.process.communicate("\n", timeout=20)
        return self.process.returncode


PATIENCE = "cleaning up, please wait (once more to leave it undone)"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_second_signal_does_not_stop_the_clean_up(number: int, status: int) -> None:
    runner = Runner(WORK)
    runner.says("working")
    runner.process.send_signal(number)
    runner.says("cleaning")
    runner.process.send_signal(signal.SIGINT)
    runner.says(PATIENCE)
    assert runner.go_on() == status


def test_a_clean_up_is_not_stopped_by_the_first_signal_either() -> None:
    runner = Runner(CLEANING)
    runner.says("cleaning")
    runner.process.send_signal(signal.SIGTERM)
    runner.says(PATIENCE)
    assert runner.go_on() == 143


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_comes_after_a_clean_up_in_the_middle_is_not_begun(number: int, status: int) -> None:
    runner = Runner(BETWEEN)
    runner.says("cleaning")
    runner.process.send_signal(number)
    runner.says(PATIENCE)
    assert runner.go_on() == status
    assert runner.said == "clean\nending\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_third_signal_ends_it_on_the_spot(number: int) -> None:
    runner = Runner(WORK)
    runner.says("working")
    runner.process.send_signal(number)
    runner.says("cleaning")
    runner.process.send_signal(number)
    runner.says(PATIENCE)
    runner.process.send_signal(number)
    assert runner.go_on() == -number


def test_a_process_that_was_told_nothing_has_no_status_of_its_own() -> None:
    runner = Runner(CLEANING)
    runner.says("cleaning")
    assert runner.go_on() == 0


def test_a_signal_that_came_where_exceptions_are_lost_is_heeded_later() -> None:
    runner = Runner(LOST)
    runner.says("working")
    runner.process.send_signal(signal.SIGTERM)
    assert runner.go_on() == 143
    assert "lost\nending\n" in runner.said.replace("\r", "")
