"""What a killed test session leaves running is ended by the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from cluster import states

SESSION = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from cluster import states
from kube_dns_conformance.clusters import processes
directory = states.take(Path(sys.argv[1])) / "0" / "clusters" / "demo"
directory.mkdir(parents=True)
print(processes.start(["sleep", "600"], directory, directory / "log").pid, flush=True)
sys.stdin.read()
"""


def test_the_next_session_ends_what_a_killed_one_left_and_spares_a_live_one(tmp_path: Path) -> None:
    tests = str(Path(states.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", SESSION, str(tmp_path), tests], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as session:
        assert session.stdout is not None
        left = psutil.Process(int(session.stdout.readline()))
        states.end(states.take(tmp_path))
        assert left.is_running()
        assert left.status() != psutil.STATUS_ZOMBIE
        session.kill()
        session.wait()
    states.end(states.take(tmp_path))
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
    assert list(tmp_path.iterdir()) == []
