"""The clusters that this user made, a directory each, with what is needed to use one and to clean it up.

``cluster.json`` is written before the first process starts, so that whatever is killed at whatever moment, the next
command finds the remains. Whoever makes or removes a cluster holds its lock meanwhile; a run holds the lock of the
cluster it made for as long as it lives. A cluster made by ``cluster up`` is *kept*: it stays until ``cluster down``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from kube_dns_conformance import locks
from kube_dns_conformance.clusters import processes
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.errors import ClusterError, UsageError
from kube_dns_conformance.signals import cleaning_up

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Entry:
    """One cluster directory. ``cluster`` is None while the cluster is being made, or when making it was cut off.

    ``kept``: it stays when its maker ends. ``made``: the options it was made with, by their names. ``provider``: what
    kind of cluster it is, known before there is one.
    """

    directory: Path
    kept: bool
    cluster: Cluster | None
    made: Mapping[str, str] = field(default_factory=dict)
    provider: str = "embedded"

    @property
    def exists(self) -> bool:
        """Whether there is such a cluster, or what is left of one."""
        return (self.directory / "cluster.json").exists()

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.directory.name

    def is_running(self) -> bool:
        """Whether there is anything of it: after a restart of the machine an embedded one has no processes."""
        if self.provider == "kind":
            from kube_dns_conformance.clusters import kind  # noqa: PLC0415 - kind uses this module

            return kind.is_running(self)
        return bool(processes.of_cluster(self.directory))


def root() -> Path:
    """Where the clusters live: the user's state folder, or ``KDC_STATE``."""
    chosen = os.environ.get("KDC_STATE")
    base = Path(chosen) if chosen else platformdirs.user_state_path("kube-dns-conformance")
    return base.absolute() / "clusters"


def why_not_running(name: str) -> tuple[str, str]:
    """What to tell whoever asks for a cluster that does not run, and a hint. Raises UsageError for no name."""
    from kube_dns_conformance.clusters import engine  # noqa: PLC0415 - only kind needs it

    entry = load(directory(name))
    if entry.provider == "kind" and entry.cluster is not None and not engine.answers():
        return f"kind cluster {name!r} cannot be seen from here: no container engine answers", engine.NEEDED
    return f"cluster {name!r} does not run", f"kube-dns-conformance cluster up --name {name}"


def directory(name: str) -> Path:
    """The directory of the cluster ``name``. Raises UsageError for a name that is not a DNS label."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name[:60]!r} is not a cluster name", "use up to 40 lower-case letters, digits and hyphens")
    return root() / name


@contextmanager
def held(name: str) -> Iterator[Path]:
    """Hold the cluster ``name`` during the block; if it is not kept then, until `end` or the end of this process.

    Raises ClusterError when another process holds it: it makes, judges or removes the cluster.
    """
    where = directory(name)
    try:
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = locks.hold(_lock(where))
    except OSError as error:
        raise cannot_write(where, error) from None
    if not mine:
        raise ClusterError(f"cluster {name!r} is being started, judged or stopped by another process")
    try:
        yield where
    finally:
        if load(where).kept:
            locks.release(_lock(where))


def save(entry: Entry) -> None:
    """Write ``cluster.json`` so that a reader sees the old or the new one, never half of it. Raises ClusterError."""
    data = {
        "provider": entry.provider,
        "kept": entry.kept,
        "made": dict(entry.made),
        "cluster": entry.cluster.as_data() if entry.cluster else None,
    }
    try:
        _write(entry, json.dumps(data, indent=2) + "\n")
    except OSError as error:
        raise cannot_write(entry.directory, error) from None


def _write(entry: Entry, text: str) -> None:
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
        cluster = Cluster.from_data(data["cluster"]) if data["cluster"] else None
        return Entry(where, data["kept"], cluster, data["made"], data["provider"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):  # cut off, or of another version
        return Entry(where, kept=True, cluster=None)


def entries() -> list[Entry]:
    """Every cluster directory, by name; what has a name that we never give is somebody else's."""
    if not root().is_dir():
        return []
    return [load(where) for where in sorted(root().iterdir()) if where.is_dir() and NAME.fullmatch(where.name)]


def running(where: Path, provider: str, asked: Mapping[str, str]) -> Cluster | None:
    """The kept cluster of this directory, when it runs. Raises UsageError when it is not what was asked for."""
    entry = load(where)
    if not entry.kept or entry.cluster is None or not entry.is_running():
        return None
    wanted = {"--cluster": provider, **asked}
    made = {"--cluster": entry.provider, **entry.made}
    other = [f"{name} {text} (it has {made.get(name)})" for name, text in wanted.items() if made.get(name) != text]
    if other:
        raise UsageError(
            f"cluster {entry.name!r} runs already, but not with {', '.join(other)}",
            f"kube-dns-conformance cluster down --name {entry.name}, or another --name",
        )
    return entry.cluster


def down(name: str) -> None:
    """End the cluster ``name``. Raises UsageError when there is none, ClusterError when a run is using its own."""
    if not load(directory(name)).exists:
        raise UsageError(f"there is no cluster {name!r}", "kube-dns-conformance cluster status lists them")
    with held(name) as where:
        remove(where)


def remove(where: Path) -> None:
    """End the cluster and delete its directory. Call with the cluster held."""
    with cleaning_up():
        entry = load(where)
        if entry.provider == "kind":
            from kube_dns_conformance.clusters import kind  # noqa: PLC0415 - kind uses this module

            kind.demolish(entry)
        drop(where)


def drop(where: Path) -> None:
    """Delete the directory alone, and end the processes that belong to it. Call with the cluster held."""
    with cleaning_up():
        processes.stop_all(where)
        shutil.rmtree(where, ignore_errors=True)
        if where.exists():
            raise ClusterError(f"could not delete {where}")


def end(name: str) -> None:
    """Remove the cluster ``name``, which this process made and holds."""
    remove(directory(name))
    locks.release(_lock(directory(name)))


def remove_abandoned() -> list[str]:
    """Clean up after runners that were killed: nobody holds a cluster that is not kept. Returns the names."""
    removed = []
    for entry in entries():
        if entry.kept:
            continue
        try:
            with held(entry.name) as where:
                if load(where) == entry:  # not removed and made again meanwhile
                    remove(where)
                    removed.append(entry.name)
        except ClusterError:
            continue  # somebody uses it, or is cleaning it up at this moment
    return removed


def cannot_write(where: Path, error: OSError) -> ClusterError:
    """What to raise when the state folder cannot be written to."""
    return ClusterError(
        f"cannot write to {error.filename or where}: {error.strerror}", "set KDC_STATE to a directory you may write"
    )


def _lock(where: Path) -> Path:
    return where.with_name(f".{where.name}.lock")
