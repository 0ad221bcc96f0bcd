"""The container engine that kind uses: whether it answers, and which kind clusters it holds."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime

from kube_dns_conformance.errors import ClusterError

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
SECONDS = 20.0
NEEDED = (
    "kind clusters need a container engine, --cluster embedded needs none; "
    "one of this project's own is reached by commands within python -m tools.on_kind"
)


def program() -> str:
    """The engine's client, chosen the way kind chooses it."""
    return os.environ.get("KIND_EXPERIMENTAL_PROVIDER") or "docker"


def answers() -> bool:
    """Whether there is an engine that does what it is told."""
    try:
        _run("ps", "--quiet")
    except ClusterError:
        return False
    return True


def clusters() -> set[str]:
    """The names of all kind clusters, whoever made them. Raises ClusterError when the engine does not answer."""
    label = f'{{{{.Label "{CLUSTER_LABEL}"}}}}'
    return set(_run("ps", "--all", f"--filter=label={CLUSTER_LABEL}", f"--format={label}").split())


def nodes(cluster: str, *, running: bool = False) -> list[str]:
    """The ids of the containers that are the nodes of a kind cluster. Raises ClusterError."""
    which = [] if running else ["--all"]
    return _run("ps", *which, "--quiet", "--no-trunc", f"--filter=label={CLUSTER_LABEL}={cluster}").split()


def pause(node: str) -> None:
    """Freeze everything in a node. Raises ClusterError."""
    _run("pause", node)


def unpause(node: str) -> bool:
    """Let a node go on; whether it was frozen. Raises ClusterError."""
    frozen = _run("inspect", "--format={{.State.Paused}}", node).strip() == "true"
    if frozen:
        _run("unpause", node)
    return frozen


def name(node: str) -> str:
    """What a node is called, which is its name in Kubernetes too. Raises ClusterError."""
    return _run("inspect", "--format={{.Name}}", node).strip().removeprefix("/")


def said_by_kubelet(node: str, lines: int) -> str:
    """The last lines that the kubelet of a node has logged. Raises ClusterError."""
    return _run("exec", node, "journalctl", "--unit=kubelet", "--no-pager", f"--lines={lines}")


def created(node: str) -> float:
    """When the container of a node was created (epoch, by the engine's clock). Raises ClusterError."""
    said = _run("inspect", "--format={{.Created}}", node).strip()
    try:
        return datetime.fromisoformat(said).timestamp()
    except ValueError:
        raise ClusterError(f"the container engine said {said[:60]!r} to when a node was created") from None


def identity() -> str:
    """What tells this engine from another one. Raises ClusterError."""
    return _run("info", "--format={{.ID}}").strip()


def _run(*arguments: str) -> str:
    if program() == "podman":
        raise ClusterError(
            "KIND_EXPERIMENTAL_PROVIDER=podman is not supported: podman has no identity to know our clusters by",
            "use docker, or judge one with --cluster existing --kubeconfig F",
        )
    try:
        done = subprocess.run(
            [program(), *arguments], capture_output=True, text=True, timeout=SECONDS, check=False, errors="replace"
        )
    except FileNotFoundError:
        raise ClusterError(f"{program()} is not installed", NEEDED) from None
    except subprocess.TimeoutExpired:
        raise ClusterError(f"the container engine did not answer within {SECONDS:g} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise ClusterError(f"the container engine does not answer: {said[-1]}", NEEDED)
    return done.stdout
