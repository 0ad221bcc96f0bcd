"""The cache: one directory per unit, version and platform, there as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.progress import step
from kube_dns_conformance.toolchain.table import Host, Unit

ORIGIN = "origin.json"
"""Beside the binaries: where they come from, their sha256 and size in bytes, when they were made."""


def default_cache() -> Path:
    """The directory in the environment variable KDC_CACHE, else the user's cache directory."""
    chosen = os.environ.get("KDC_CACHE")
    folder = Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("kube-dns-conformance")
    return folder.absolute()


class Slot:
    """The place of one unit in the cache: ``<cache>/tools/<unit>/<version>/<os>-<arch>/``."""

    def __init__(self, cache: Path, unit: Unit) -> None:
        self.unit = unit
        self.parent = cache / "tools" / unit.name / unit.version
        self.path = self.parent / str(Host.here())
        self._lock = self.parent / f"{self.path.name}.lock"
        self._work_prefix = f".{self.path.name}."

    def binaries(self) -> dict[str, Path] | None:
        """Name → path of every binary of the unit, or None when the unit is not here as a whole."""
        try:
            known = json.loads((self.path / ORIGIN).read_text(encoding="utf-8"))["binaries"]
            whole = all(_runnable(self.path / name, known[name]["bytes"]) for name in self.unit.binaries)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return {name: self.path / name for name in self.unit.binaries} if whole else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the unit against every other process and thread; says so while it waits for one."""
        make_private(self.parent)
        with held(self._lock, str(self.unit)):
            yield

    @contextmanager
    def work_directory(self) -> Iterator[Path]:
        """An empty directory beside the unit's, gone afterwards. Call with the lock held."""
        with work_directory(self.parent, self._work_prefix) as work:
            yield work

    def publish(self, made: Path, work: Path, source: Mapping[str, object]) -> None:
        """Move the finished directory ``made`` (inside ``work``) to the unit's place, in one step and on disk."""
        for name in self.unit.binaries:
            (made / name).chmod(0o755)
            _sync(made / name)
        (made / ORIGIN).write_text(json.dumps(self._origin(made, source), indent=2) + "\n", encoding="utf-8")
        _sync(made / ORIGIN)
        _sync(made)
        if self.path.exists():  # damaged, or made for an older table
            self.path.rename(work / "replaced")
        made.rename(self.path)
        _sync(self.parent)

    def _origin(self, made: Path, source: Mapping[str, object]) -> dict[str, object]:
        return {
            "unit": self.unit.name,
            "version": self.unit.version,
            "source": dict(source),
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "binaries": {
                name: {"sha256": sha256(made / name), "bytes": (made / name).stat().st_size}
                for name in self.unit.binaries
            },
        }


@contextmanager
def one_clear_error(slot: Slot) -> Iterator[None]:
    """Turn what the file system says (full, read-only, not allowed, not a directory) into one ToolchainError."""
    try:
        yield
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else slot.parent
        raise ToolchainError(
            f"cannot write to the tool cache: {where}: {error.strerror or error}", room(slot)
        ) from error


def room(slot: Slot) -> str:
    """The hint for everyone who has to make room: where, how much, and how to go elsewhere."""
    return (
        f"{slot.unit} needs about {slot.unit.megabytes} MB ({slot.unit.go.megabytes} MB while it is built with Go) "
        f"and write permission in {slot.parent}; "
        "KDC_CACHE=DIRECTORY moves the cache elsewhere"
    )


@contextmanager
def held(lock: Path, what: str) -> Iterator[None]:
    """Hold the file ``lock`` against every other process and thread; says so while it waits for one.

    Args:
        lock: in a directory that is there.
        what: what is being made while it is held.

    Raises:
        OSError: the file cannot be made.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  (0.1 s to import, only needed to make something)

    file = FileLock(lock, mode=0o600)
    try:
        file.acquire(blocking=False)
    except Timeout:
        with step(f"{what}: waiting for another process that is making it"):
            file.acquire()
    try:
        yield
    finally:
        file.release()


@contextmanager
def work_directory(parent: Path, prefix: str) -> Iterator[Path]:
    """An empty directory in ``parent``, gone afterwards; its name begins with ``prefix``. Call with a lock held.

    Whatever an interrupted process left under that prefix is removed first: nobody else can be at work meanwhile.
    Raises OSError when it cannot be made.
    """
    for leftover in parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def make_private(folder: Path) -> None:
    """Create ``folder`` and what is missing above it, each for this user only."""
    if folder.is_dir():
        return
    make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def sha256(path: Path) -> str:
    """The file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _runnable(path: Path, size: object) -> bool:
    return path.stat().st_size == size and os.access(path, os.X_OK)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
