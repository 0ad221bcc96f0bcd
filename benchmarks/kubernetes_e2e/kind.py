"""The kind cluster of the benchmark: made, given the images, as it was before each run, deleted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import step
from kube_dns_conformance.toolchain import Toolchain
from tools.command import ToolsError, run

QUIET_SECONDS = 180.0
"""How long what a run made may take to go."""


@dataclass(frozen=True)
class Kind:
    """A cluster that is ready."""

    name: str
    kubernetes: str
    kubeconfig: Path
    zone: str

    def load(self, archives: Sequence[Path]) -> None:
        """Put image archives into every node. Raises ToolsError."""
        kind = Toolchain().need("kind")["kind"]
        for archive in archives:
            with step(f"loading {archive.name} into the nodes"):
                run([kind, "load", "image-archive", str(archive), f"--name={self.name}"])

    def pull(self, images: Sequence[str]) -> None:
        """Let every node pull images. Raises ToolsError."""
        nodes = run([Toolchain().need("kind")["kind"], "get", "nodes", f"--name={self.name}"]).split()
        for image in images:
            with step(f"pulling {image} in the nodes"):
                for node in nodes:
                    run(["docker", "exec", node, "crictl", "pull", image])

    def namespaces(self) -> set[str]:
        """Those that there are, also the ones that are just being deleted."""
        found, _ = Kube(self.kubeconfig).list("v1", "Namespace")
        return {one["metadata"]["name"] for one in found}

    def wait_for_only(self, namespaces: set[str]) -> None:
        """Wait until everything that a run made is gone. Raises ToolsError."""
        deadline = time.monotonic() + QUIET_SECONDS
        with step("waiting until what the last run made is gone"):
            while left := self.namespaces() - namespaces:
                if time.monotonic() > deadline:
                    raise ToolsError(f"after {QUIET_SECONDS:g} s there are still {', '.join(sorted(left))}")
                time.sleep(0.5)


@contextmanager
def cluster() -> Iterator[Kind]:
    """A cluster of three nodes for the block, deleted afterwards. Raises ToolsError."""
    name = f"e2e-{os.getpid()}"
    data: dict[str, Any] = json.loads(_ours("up", f"--name={name}", "--cluster=kind", "--json"))
    try:
        yield Kind(name, data["kubernetes"], Path(data["kubeconfig"]), data["zone"])
    finally:
        _ours("down", f"--name={name}")


def _ours(*arguments: str) -> str:
    command = [sys.executable, "-m", "kube_dns_conformance", "cluster", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ToolsError(f"cluster {arguments[0]} ended with status {done.returncode}")
    return done.stdout
