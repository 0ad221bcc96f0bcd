"""Our commands as users start them, on an engine apart from the one that may be in use on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kube_dns_conformance.clusters import processes
from tools import sandbox

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Machine:
    """Runs our commands with a state folder of its own."""

    state: Path

    @property
    def home(self) -> Path:
        return self.state / "engine"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("DOCKER_", "PYTEST_"))}
        # Nobody answers there: as on a machine without an engine.
        return kept | {"KDC_STATE": str(self.state), "DOCKER_HOST": f"unix://{self.state}/none.sock", "NO_COLOR": "1"}

    def start(self, tool: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", f"tools.{tool}", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, tool: str, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        with self.start(tool, *arguments) as process:
            out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def engine(self, *arguments: str) -> str:
        done = self("engine", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.engine("status", "--json"))
        return found

    def shares(self) -> list[Path]:
        """Where it is said how much of the processors the engine may have: with version 1 of control groups."""
        return list(Path("/sys/fs/cgroup/cpu").glob(f"{sandbox.cgroup(self.home)}/cpu.shares"))

    def remains(self) -> dict[str, list[str]]:
        """What is left of the engine, by kind; the images that it keeps are meant to be."""
        files = [path.name for path in self.home.iterdir() if path.name != "data"] if self.home.exists() else []
        return {
            "processes": [str(process.pid) for process in processes.of_cluster(self.home)],
            "mounts": [line for line in Path("/proc/mounts").read_text().splitlines() if str(self.state) in line],
            "groups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{sandbox.cgroup(self.home)}")],
            "files": files,
            "containers": [path.name for path in self.home.glob("data/containers/*")],
        }


NOTHING: dict[str, list[str]] = {"processes": [], "mounts": [], "groups": [], "files": [], "containers": []}
