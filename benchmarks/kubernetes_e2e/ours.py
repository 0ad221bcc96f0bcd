"""Our own core and extended requirements: run once, and what their report says."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.kubernetes_e2e.finished import Finished
from kube_dns_conformance.errors import ExitCode
from kube_dns_conformance.results import Verdict, read
from tools.command import SHOWN_LINES, ToolsError

PROFILES = ("core", "extended")
_SPENT = re.compile(r"^time: (.+)$", re.MULTILINE)
_NOT_JUDGED = (Verdict.UNSUPPORTED, Verdict.SKIPPED, Verdict.NOT_RUN)


def run(cluster: str, report: Path) -> Finished:
    """Judge the kind cluster of this name; the report goes into ``report``.

    Raises:
        ToolsError: it could not be judged.
    """
    command = [sys.executable, "-m", "kube_dns_conformance", "run", "--cluster=kind", f"--name={cluster}"]
    command += [*(f"--profile={profile}" for profile in PROFILES), f"--report-dir={report}"]
    began = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode not in (ExitCode.CONFORMANT, ExitCode.NONCONFORMANT):
        said = "\n".join((done.stdout + done.stderr).splitlines()[-SHOWN_LINES:])
        raise ToolsError(f"our own run ended with status {done.returncode}: {said}")
    verdicts = {name: one for name, one in read(report).by_requirement().items() if one not in _NOT_JUDGED}
    spent = _spent(done.stdout)
    spent["beginning and end"] = seconds - sum(spent.values())
    return Finished(seconds, {name: str(one) for name, one in verdicts.items()}, spent)


def _spent(said: str) -> dict[str, float]:
    """From the line ``time: cluster 3.1 s, workloads 2.0 s, …``."""
    found = _SPENT.search(said)
    parts = [part.rsplit(" ", 2) for part in found[1].split(", ")] if found else []
    return {name: float(seconds) for name, seconds, _ in parts}
