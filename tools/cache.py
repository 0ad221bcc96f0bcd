"""Things that take long to make, kept outside the checkout: there as a whole or not at all, for every process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from kube_dns_conformance.toolchain.cache import default_cache, held, make_private, work_directory
from kube_dns_conformance.toolchain.process import exit_on_sigterm

_HERE = Path(__file__).parent


def key(*recipe: str) -> str:
    """Eight hexadecimal digits that differ when the recipe does: versions, texts, names of files in this folder."""
    digest = hashlib.sha256()
    for part in recipe:
        file = _HERE / part
        digest.update(file.read_bytes() if file.is_file() else part.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:8]


def files(pattern: str) -> list[str]:
    """The files of this folder that match, as parts of a recipe."""
    return [str(path.relative_to(_HERE)) for path in sorted(_HERE.glob(pattern)) if path.is_file()]


def cached(name: str, recipe: Iterable[str], make: Callable[[Path, Path], None]) -> Path:
    """The file ``images/<name>-<key of the recipe>`` of the cache; made when it is not there.

    Safe for several processes at once: one makes it, the others wait. What a killed one left is removed by the next.

    Args:
        name: of the file, with what a person looks for in it: a version.
        recipe: what it is made from, see ``key``.
        make: gets the file to write and an empty directory for everything else.
    """
    folder = default_cache() / "images"
    stem, _, suffix = name.rpartition(".")
    path = folder / f"{stem}-{key(*recipe)}.{suffix}"
    if path.exists():
        return path
    make_private(folder)
    with held(folder / f".{path.name}.lock", name):
        if not path.exists():
            with exit_on_sigterm():
                _make(path, make)
    return path


def _make(path: Path, make: Callable[[Path, Path], None]) -> None:
    with work_directory(path.parent, f".{path.name}.work.") as work:
        scratch = work / "scratch"
        scratch.mkdir()
        new = work / "new"
        make(new, scratch)
        new.chmod(0o600)
        new.rename(path)
