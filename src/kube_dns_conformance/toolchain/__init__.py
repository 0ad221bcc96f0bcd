"""One place that finds the programs a cluster is made of, and makes the ones that are missing.

Each is taken from the cache, else from PATH if it has the right version there, else from upstream's release (checked
against its published checksum), else built from its Go module. The versions are in ``tools.toml``.

    binaries = Toolchain().need("etcd", "kube-apiserver")
    subprocess.Popen([binaries["etcd"], ...])
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.toolchain.cache import Slot, default_cache
from kube_dns_conformance.toolchain.locate import on_path
from kube_dns_conformance.toolchain.table import GoModule, Release, Table, Unit, choose, load_table

__all__ = ["GoModule", "Release", "Table", "Toolchain", "Unit", "load_table"]

_NONE: Mapping[str, str] = MappingProxyType({})


class Toolchain:
    """The binaries of one choice of versions.

    Args:
        versions: unit name → version, for units that should differ from the table (``{"kubernetes": "1.37.2"}``).
        cache: where made binaries are kept; else the environment variable KDC_CACHE, else the user's cache directory.
        table: other units than those of ``tools.toml``, see ``load_table``.

    Raises:
        UsageError: ``versions`` has a name that is no unit, or a version that is not of the form 1.2.3.
    """

    def __init__(
        self, versions: Mapping[str, str] = _NONE, cache: Path | None = None, table: Table | None = None
    ) -> None:
        self._units = choose(load_table() if table is None else table, versions)
        self._unit_of = {binary: unit for unit in self._units.values() for binary in unit.binaries}
        self._cache = default_cache() if cache is None else cache.absolute()
        self._notes: list[str] = []

    def need(self, *binaries: str) -> dict[str, Path]:
        """The absolute path of each of ``binaries``; makes what is missing, which may take minutes and shows progress.

        Safe to call in several processes and threads at once: one makes a unit, the others wait for it.

        Raises:
            UsageError: a name that is no binary of any unit.
            ToolchainError: a binary cannot be had; the text says what was tried, the hint what would help.
        """
        for binary in binaries:
            if binary not in self._unit_of:
                raise UsageError(f"no tool is called {binary!r}", hint=f"there are: {', '.join(sorted(self._unit_of))}")
        found: dict[str, Path] = {}
        for unit in dict.fromkeys(self._unit_of[binary].name for binary in binaries):
            found |= self._get(self._units[unit], [name for name in binaries if self._unit_of[name].name == unit])
        return {binary: found[binary] for binary in binaries}

    def version(self, unit: str) -> str:
        """The version of a unit that ``need`` gives, without "v": ``version("kubernetes")`` is ``"1.36.3"``.

        Raises:
            UsageError: a name that is no unit.
        """
        if unit not in self._units:
            raise UsageError(
                f"no tool is called {unit!r}", hint=f"tools with a version: {', '.join(sorted(self._units))}"
            )
        return self._units[unit].version

    def explain(self) -> str:
        """What ``need`` looked at so far and why it took or passed over it: one line each, for debugging."""
        return "\n".join(self._notes)

    def _get(self, unit: Unit, binaries: list[str]) -> dict[str, Path]:
        slot = Slot(self._cache, unit)
        found = slot.binaries()
        if found is not None:
            self._notes.append(f"{unit}: from the cache, {slot.path}")
            return found
        found = on_path(unit, binaries, self._notes.append)
        if found is not None:
            return found
        from kube_dns_conformance.toolchain.make import make  # noqa: PLC0415  (0.2 s to import, rarely needed)

        return make(slot, self._notes.append)
