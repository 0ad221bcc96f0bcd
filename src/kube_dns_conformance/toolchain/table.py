"""The table of units: which binaries there are, at which version, and where each comes from (``tools.toml``)."""

from __future__ import annotations

import platform
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from kube_dns_conformance.errors import UsageError

_VERSION = re.compile(r"v?((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)")
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "i686": "386"}


@dataclass(frozen=True)
class Host:
    """The operating system and processor in Go's words (``linux``, ``amd64``), which release files use as well."""

    os: str
    arch: str

    @classmethod
    def here(cls) -> Host:
        """The machine this process runs on."""
        machine = platform.machine().lower()
        return cls(platform.system().lower(), _ARCHITECTURES.get(machine, machine))

    def __str__(self) -> str:
        return f"{self.os}-{self.arch}"


@dataclass(frozen=True)
class Release:
    """Where upstream publishes finished binaries; the fields are explained at the top of ``tools.toml``.

    Without ``url`` it publishes none.
    """

    url: str = ""
    checksum: str = ""
    digests: str = ""
    member: str = ""


@dataclass(frozen=True)
class GoModule:
    """What to build with Go; the fields are explained at the top of ``tools.toml``."""

    module: str
    package: str
    needs: str
    megabytes: int
    staging: str = ""
    test: bool = False
    packages: Mapping[str, str] = field(default_factory=dict)
    stamps: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """One row: one release of one project, with all binaries that come out of it."""

    name: str
    version: str
    megabytes: int
    binaries: Mapping[str, tuple[str, ...]]
    release: Release
    go: GoModule

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def fill(self, template: str, *, binary: str = "", url: str = "") -> str:
        """``template`` with its placeholders replaced for this unit on this machine."""
        host = Host.here()
        major, minor, patch = self.version.split(".", 2)
        return template.format(
            version=self.version,
            major=major,
            minor=minor,
            patch=patch,
            os=host.os,
            arch=host.arch,
            binary=binary,
            url=url,
        )


Table = Mapping[str, Unit]
"""Unit name → unit."""


def load_table(path: Path | None = None) -> Table:
    """The units of a table file; of the one that comes with this package unless ``path`` names another.

    A mirror of the release hosts is a copy of ``tools.toml`` with other addresses.
    """
    source = path or resources.files(__package__) / "tools.toml"
    return {name: _unit(name, row) for name, row in tomllib.loads(source.read_text(encoding="utf-8")).items()}


def _unit(name: str, row: Mapping[str, object]) -> Unit:
    match {"release": {}, **row}:
        case {
            "version": str(version),
            "megabytes": int(megabytes),
            "binaries": dict(binaries),
            "release": dict(release),
            "go": dict(go),
        }:
            arguments = {binary: tuple(words) for binary, words in binaries.items()}
            return Unit(name, version, megabytes, arguments, Release(**release), GoModule(**go))
    raise UsageError(f"tool table: row {name!r} needs version, megabytes, binaries and go")


def choose(table: Table, versions: Mapping[str, str]) -> Table:
    """``table`` with the versions of the caller's choice; ``v1.2.3`` and ``1.2.3`` are the same.

    Raises:
        UsageError: a name that is no unit, or a version that is none.
    """
    chosen = dict(table)
    for name, version in versions.items():
        if name not in table:
            raise UsageError(f"no tool is called {name!r}", hint=f"tools with a version: {', '.join(sorted(table))}")
        match = _VERSION.fullmatch(version)
        if not match:
            raise UsageError(
                f"{version!r} is no version of {name}",
                hint=f"three numbers, such as {name}={table[name].version}",
            )
        chosen[name] = replace(table[name], version=match[1])
    return chosen
