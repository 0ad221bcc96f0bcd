"""Finding binaries that are there already, and asking a binary which version it is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from kube_dns_conformance.toolchain.process import probe
from kube_dns_conformance.toolchain.table import Unit

VERSION_SECONDS = 5.0
"""How long a binary may take to print its version before it counts as broken."""

_PRINTED = re.compile(r"(?<![\w.])v?(\d+\.\d+\.\d+(?:[-+][\w.+-]+)?)")


def wrong_version(unit: Unit, binary: str, path: Path) -> str:
    """Why ``path`` is not the unit's version of ``binary``, in words; empty when it is."""
    try:
        finished = probe([str(path), *unit.binaries[binary]], seconds=VERSION_SECONDS)
    except OSError as error:
        return f"cannot be run: {error.strerror}"
    if finished.code is None:
        return f"did not print its version within {VERSION_SECONDS:g} s"
    printed = _PRINTED.search(finished.output)
    if finished.code != 0 or not printed:
        said = " ".join(finished.output.split())[:200]
        return f"did not print a version (exit code {finished.code}): {said or 'no output'}"
    return "" if printed[1] == unit.version else f"is version {printed[1]}"


def on_path(unit: Unit, binaries: Iterable[str], note: Callable[[str], None]) -> dict[str, Path] | None:
    """``binaries`` as found on PATH, if every one is there in the right version; ``note`` gets why others were not."""
    candidates = {binary: list(_candidates(binary)) for binary in binaries}
    absent = [binary for binary, paths in candidates.items() if not paths]
    if absent:
        note(f"{unit}: not on PATH: {', '.join(absent)}")
        return None
    found: dict[str, Path] = {}
    for binary, paths in candidates.items():
        right = next((path for path in paths if _right(unit, binary, path, note)), None)
        if right is None:
            return None
        found[binary] = right
    return found


def _right(unit: Unit, binary: str, path: Path, note: Callable[[str], None]) -> bool:
    wrong = wrong_version(unit, binary, path)
    note(f"{unit}: {path} {wrong}, passed over" if wrong else f"{unit}: {path} is used")
    return not wrong


def _candidates(binary: str) -> Iterator[Path]:
    seen: set[Path] = set()  # /bin is often a link to /usr/bin
    for folder in os.get_exec_path():
        path = Path(folder, binary)
        if path.is_absolute() and os.access(path, os.X_OK) and path.is_file() and path.resolve() not in seen:
            seen.add(path.resolve())
            yield path
