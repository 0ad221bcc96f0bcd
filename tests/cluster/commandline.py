"""The command line as users start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.results import Results, read

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "kube_dns_conformance"]


@dataclass
class CommandLine:
    """Runs our command in a directory of its own, with clusters of its own."""

    directory: Path
    state: Path
    variables: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("KDC_", "PYTEST_"))}
        cache = {"KDC_CACHE": os.environ["KDC_CACHE"]} if "KDC_CACHE" in os.environ else {}
        return (
            kept
            | cache
            | {"KDC_STATE": str(self.state), "KDC_CLUSTER": "embedded", "NO_COLOR": "1", "COLUMNS": "200"}
            | self.variables
        )

    def __call__(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        return self._run([*COMMAND, *arguments], self.directory, timeout)

    def suites(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run the suites with pytest alone, as whoever wants more of its options."""
        report = f"--report-dir={self.directory / 'report'}"
        return self._run([sys.executable, "-m", "pytest", "suites", report, *arguments], ROOT, timeout)

    def _run(self, words: list[str], where: Path, timeout: float) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                words,
                env=self.environment,
                cwd=where,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            said = [(one or b"").decode() for one in (late.stdout, late.stderr)]
            pytest.fail(f"it went on for more than {timeout:g} s, and has said:\n{said[0]}\n{said[1]}")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment,
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Kill what the test started and did not see the end of."""
        for process in self.started:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def judge(
        self, cluster: Cluster, *arguments: str, timeout: float = 240
    ) -> tuple[subprocess.CompletedProcess[str], Results]:
        """Judge a running cluster; returns the finished process and the results that it wrote."""
        where = ["--cluster=existing", f"--kubeconfig={cluster.kubeconfig}", "--report-dir=report"]
        done = self("run", *where, *arguments, timeout=timeout)
        return done, read(self.directory / "report")

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def cluster_directory(self, name: str) -> Path:
        return self.state / "clusters" / name


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Byte by byte: what is read ahead would be lost for `communicate`, which is used afterwards."""
    assert process.stdout is not None
    line = b""
    while byte := os.read(process.stdout.fileno(), 1):
        line += byte
        if byte == b"\n":
            yield line.decode()
            line = b""
    if line:
        yield line.decode()


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read what a process says until it says that; it must not end before."""
    said = []
    for line in _lines(process):
        said.append(line)
        if text in line:
            return
    pytest.fail(f"the process ended without saying {text!r}, but:\n{''.join(said)}")
