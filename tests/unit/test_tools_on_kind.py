"""Where a command that needs kind runs, and what becomes of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import command, on_kind

ROOT = Path(on_kind.__file__).parents[1]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for Docker's client whose engine answers."""
    script = tmp_path / "docker"
    script.write_text('#!/bin/sh\n[ "$1" = info ]\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return script


def on_kind_with(*arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tools.on_kind", *arguments]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))


@pytest.mark.usefixtures("docker")
def test_with_an_engine_the_command_just_runs() -> None:
    done = on_kind_with("sh", "-c", "echo image: ${KDC_KIND_IMAGE:-none}; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "image: none\n", "")


def test_without_an_engine_an_optional_command_is_reported_as_not_run(
    docker: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docker.write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setattr(on_kind, "why_not_here", lambda: "an engine of our own needs root")
    monkeypatch.setattr(sys, "argv", ["on_kind", "--optional", "pytest", "-m", "a b"])
    assert on_kind.main() == 0
    assert capsys.readouterr().err.splitlines()[-1] == (
        "NOT RUN: pytest -m 'a b': no container engine answers, and an engine of our own needs root"
    )


def test_without_an_engine_any_other_command_fails(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker.write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setattr(on_kind, "why_not_here", lambda: "an engine of our own needs root")
    monkeypatch.setattr(sys, "argv", ["on_kind", "true"])
    with pytest.raises(command.ToolsError) as caught:
        on_kind.main()
    assert caught.value.exit_code == 3
    assert caught.value.message == "no container engine answers, and an engine of our own needs root"


def test_what_cannot_be_run_without_an_engine_is_said_on_its_own(
    docker: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["on_kind", "--why-not"])
    assert on_kind.main() == 0
    assert capsys.readouterr().err == ""
    docker.write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setattr(on_kind, "why_not_here", lambda: "an engine of our own needs root")
    assert on_kind.main() == 0
    assert capsys.readouterr().err == (
        "NOT RUN: what needs a container engine (kind clusters, tools/): "
        "no container engine answers, and an engine of our own needs root\n"
    )


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, and setpriv")
@pytest.mark.parametrize("lost", ["net_admin", "sys_admin"])
def test_root_that_is_not_allowed_to_make_networks_and_mounts_cannot_run_an_engine(lost: str) -> None:
    ask = "from tools.command import why_not_here; print(why_not_here())"
    limited = ["setpriv", f"--bounding-set=-{lost}", sys.executable, "-c", ask]
    done = subprocess.run(limited, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"an engine of our own needs CAP_{lost.upper()}\n"


def test_no_command_is_wrong_usage() -> None:
    assert on_kind_with("--optional").returncode == 2


COMMAND = """
import os, pathlib, signal, sys, time
def clean(*_):
    pathlib.Path("cleaned").touch()
    sys.exit(5)
signal.signal(int(sys.argv[1]), clean)
parent = os.getppid()
print("ready", flush=True)
pathlib.Path("ready").touch()
while os.getppid() == parent:  # a wait without end may begin after the signal
    time.sleep(0.01)
"""

ATTENDED = """
import os, sys
from tools.on_kind import attended
sys.exit(attended([sys.executable, "-c", *sys.argv[1:]], os.environ))
"""

SLOW_TO_START = """
import os, subprocess, sys, time
class Slow(subprocess.Popen):
    def __init__(self, command, **options):
        super().__init__(command, **options)
        while not os.path.exists("ready"):
            time.sleep(0.01)
        os.kill(os.getpid(), int(command[-1]))
subprocess.Popen = Slow
"""


@pytest.fixture
def attending(tmp_path: Path) -> Callable[[str, int], subprocess.Popen[str]]:
    """Starts a program that attends to the command above, which ends with 5 when it gets a signal of that number."""

    def start(program: str, number: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program, COMMAND, str(int(number))],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # no terminal, which would send Ctrl-C to both
        )

    return start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_goes_to_the_command_which_ends_in_its_own_time(
    attending: Callable[[str, int], subprocess.Popen[str]], number: int, tmp_path: Path
) -> None:
    process = attending(ATTENDED, number)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 5
    assert (tmp_path / "cleaned").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_comes_while_the_command_is_being_started_goes_to_it_as_well(
    attending: Callable[[str, int], subprocess.Popen[str]], number: int, tmp_path: Path
) -> None:
    process = attending(SLOW_TO_START + ATTENDED, number)
    process.communicate(timeout=20)
    assert process.returncode == 5
    assert (tmp_path / "cleaned").exists()


def test_a_killed_command_has_the_status_a_shell_gives_it() -> None:
    assert on_kind.attended(["sh", "-c", "kill -KILL $$"], os.environ) == 137
