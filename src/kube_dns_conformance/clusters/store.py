"""The embedded clusters of this user, a directory each, with what is needed to use one and to clean it up.

``cluster.json`` is written before the first process starts, so that whatever is killed at whatever moment, the next
command finds the remains. A cluster that belongs to a run names the run's process as its owner; one made by
``cluster up`` has none and stays until ``cluster down``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import filelock
import platformdirs

from kube_dns_conformance.clusters import processes
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.clusters.processes import Owner
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError, UsageError

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Entry:
    """One cluster directory. ``cluster`` is None while the cluster is being made, or when making it was cut off."""

    directory: Path
    owner: Owner | None
    cluster: Cluster | None

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.directory.name

    def is_running(self) -> bool:
        """Whether any of its processes runs: after a restart of the machine none does."""
        return bool(processes.of_cluster(self.directory))

    def is_abandoned(self) -> bool:
        """Whether whoever made or used it was killed before cleaning up."""
        return self.owner is not None and not self.owner.is_alive()


def root() -> Path:
    """Where the clusters live: the user's state folder, or ``KDC_STATE``."""
    chosen = os.environ.get("KDC_STATE")
    base = Path(chosen) if chosen else platformdirs.user_state_path("kube-dns-conformance")
    return base.absolute() / "clusters"


def directory(name: str) -> Path:
    """The directory of the cluster ``name``. Raises UsageError for a name that is not a DNS label."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a cluster name", "use up to 40 lower-case letters, digits and hyphens")
    return root() / name


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """Hold the cluster ``name`` for making or removing it."""
    where = directory(name)
    try:
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with filelock.FileLock(where.parent / f".{name}.lock", timeout=0, mode=0o600):
            yield where
    except filelock.Timeout:
        raise ClusterError(f"cluster {name!r} is being started or stopped by another process") from None
    except PermissionError as error:
        raise ClusterError(
            f"no permission for {error.filename}", "set KDC_STATE to a directory you may write"
        ) from None


def save(entry: Entry) -> None:
    """Write ``cluster.json`` so that a reader sees the old or the new one, never half of it."""
    data = {
        "owner": asdict(entry.owner) if entry.owner else None,
        "cluster": entry.cluster.as_data() if entry.cluster else None,
    }
    text = json.dumps(data, indent=2) + "\n"
    if not entry.directory.exists():
        # The directory appears with its file in it: one without is not ours, and is never cleaned up.
        draft = entry.directory.with_name(f".{entry.name}.new")
        draft.mkdir(mode=0o700, parents=True, exist_ok=True)
        (draft / "cluster.json").write_text(text)
        draft.rename(entry.directory)
        return
    new = entry.directory / "cluster.json.new"
    new.write_text(text)
    new.replace(entry.directory / "cluster.json")


def load(where: Path) -> Entry:
    """Read a cluster directory, whatever state it was left in."""
    try:
        data = json.loads((where / "cluster.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return Entry(where, None, None)
    owner, found = data["owner"], data["cluster"]
    return Entry(where, Owner(**owner) if owner else None, _cluster(found) if found else None)


def entries() -> list[Entry]:
    """Every cluster directory, by name; what has a name that we never give is somebody else's."""
    if not root().is_dir():
        return []
    return [load(where) for where in sorted(root().iterdir()) if where.is_dir() and NAME.fullmatch(where.name)]


def remove(where: Path) -> None:
    """End the cluster's processes and delete its directory."""
    processes.stop_all(where)
    shutil.rmtree(where, ignore_errors=True)
    if where.exists():
        raise ClusterError(f"could not delete {where}")


def remove_abandoned() -> list[str]:
    """Clean up after runners that were killed: their clusters have an owner that is no more. Returns the names."""
    removed = []
    for entry in entries():
        if not entry.is_abandoned():
            continue
        try:
            with locked(entry.name) as where:
                remove(where)
        except ClusterError:
            continue  # another process is cleaning it up at this moment
        removed.append(entry.name)
    return removed


def _cluster(data: dict[str, object]) -> Cluster:
    fields = dict(data)
    fields["kubeconfig"] = Path(str(data["kubeconfig"]))
    fields["dns"] = tuple(Server(**one) for one in data["dns"])  # type: ignore[attr-defined]
    fields["capabilities"] = frozenset(Capability(one) for one in data["capabilities"])  # type: ignore[attr-defined]
    return Cluster(**fields)  # type: ignore[arg-type]
