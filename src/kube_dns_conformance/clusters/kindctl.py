"""kind, through pytest-kind's KindCluster: the one module that imports it.

It runs in a process of its own, in the cluster's directory and with the cluster's mark (see `processes`): KindCluster
writes into the working directory and shares its terminal, and whatever is killed half-way can be found again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kube_dns_conformance.clusters import processes
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.text import last_line

LOG = Path("logs", "kind.log")
POLL_SECONDS = 0.2
TAKEN = "node(s) already exist"
EXPORT_SECONDS = 120.0
KUBECONFIG_SECONDS = 30.0

Tools = Mapping[str, Path]
"""``kind`` and ``kubectl`` of our toolchain: those that pytest-kind would download are too old."""


class NameTakenError(ClusterError):
    """There is a cluster of this name, which was not there before."""


def create(directory: Path, tools: Tools, image: str, configuration: Path, tell: Callable[[str], None]) -> Path:
    """Make the cluster that is named like its directory; ``tell`` gets what kind is doing. Returns the kubeconfig.

    ``image`` is the node image, empty for kind's own choice. Raises NameTakenError, ClusterError with kind's reason.
    """
    _run(directory, tools, ["create", str(configuration), image], tell)
    return _kubeconfig(directory)


def delete(directory: Path, tools: Tools) -> None:
    """Delete the cluster that is named like its directory. Raises ClusterError."""
    _run(directory, tools, ["delete"])


def kubeconfig(name: str, tools: Tools) -> str:
    """The kubeconfig of a cluster, whoever made it. Raises ClusterError."""
    return _output([str(tools["kind"]), "get", "kubeconfig", "--name", name], KUBECONFIG_SECONDS)


def export_logs(name: str, tools: Tools, target: Path) -> None:
    """Collect the logs of all nodes below ``target``. Raises ClusterError."""
    _output([str(tools["kind"]), "export", "logs", str(target), "--name", name], EXPORT_SECONDS)


def _run(directory: Path, tools: Tools, arguments: list[str], tell: Callable[[str], None] | None = None) -> None:
    log = directory / LOG
    start = log.stat().st_size if log.exists() else 0
    command = [sys.executable, "-m", __name__, str(_kubeconfig(directory)), str(tools["kind"]), str(tools["kubectl"])]
    process = processes.start([*command, *arguments], directory, log)
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        if tell:
            tell(last_line(_said(log, start)))
    if process.returncode:
        reason = _reason(_said(log, start))
        error = NameTakenError if TAKEN in reason else ClusterError
        raise error(f"kind {arguments[0]} failed: {reason}")


def _kubeconfig(directory: Path) -> Path:
    return directory / "kubeconfig"


def _said(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")


def _reason(text: str) -> str:
    """What kind said was wrong, without the traceback of what called it; the engine's own words are behind it."""
    lines = text.splitlines()
    errors = [index for index, line in enumerate(lines) if line.startswith("ERROR: ")]
    if not errors:
        return last_line(text) or "it said nothing"
    rest = [line for line in lines[errors[-1] + 1 :] if line.startswith("Command Output: ")]
    parts = [lines[errors[-1]].removeprefix("ERROR: "), *(line.removeprefix("Command Output: ") for line in rest)]
    return ": ".join(parts)


def _output(command: list[str], seconds: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, errors="replace")
    except subprocess.TimeoutExpired:
        raise ClusterError(f"kind {command[1]} {command[2]} took longer than {seconds:g} s") from None
    if done.returncode:
        raise ClusterError(f"kind {command[1]} {command[2]} failed: {_reason(done.stderr)}")
    return done.stdout


def main() -> None:
    """``KUBECONFIG KIND KUBECTL create CONFIGURATION IMAGE`` or ``… delete``, in the cluster's directory."""
    from pytest_kind import KindCluster  # noqa: PLC0415 - not needed by whoever starts this process

    kubeconfig, kind, kubectl, verb, *more = sys.argv[1:]
    name, image = Path(kubeconfig).parent.name, more[1] if len(more) > 1 else ""
    cluster = KindCluster(name, Path(kubeconfig), image or None, Path(kind), Path(kubectl))
    try:
        if verb == "create":
            cluster.create(more[0])
        else:
            cluster.delete()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    os.umask(0o077)
    main()
