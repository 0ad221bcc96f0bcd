"""Building a unit from its Go module, with the module versions upstream itself chose.

The upstream go.mod becomes the go.mod of a throw-away module: all its ``require`` lines, modules of its own source tree
replaced by their published versions, its go.sum beside it. Seen against ``go mod tidy`` on Kubernetes 1.36.3 with an
empty module cache: the same versions of everything that is compiled, 163 modules downloaded instead of 200, 600 MB
instead of 780.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.progress import Step, step
from kube_dns_conformance.toolchain.process import Finished, follow
from kube_dns_conformance.toolchain.table import Host, Unit

SHOWN_LINES = 12
"""How much of Go's output an error repeats."""

_PACKAGE = re.compile(r"[\w.~-]+(/[\w.~+-]+)*")
_DOWNLOAD = "go: downloading "
_TOO_OLD = re.compile(r"requires go >= ?([\w.]+)|invalid go version '([\w.]+)'|module requires Go ([\w.]+)")
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


def build(unit: Unit, into: Path, work: Path, so_far: str) -> dict[str, object]:
    """Build the unit's binaries into ``into``; returns the module and the Go version they were built with.

    Args:
        unit: what to build.
        into: gets the binaries.
        work: an empty directory for everything else; its owner removes it.
        so_far: why the unit could not be had in another way, for the error message.

    Raises:
        ToolchainError: no Go, too old a Go, or a build that fails.
    """
    go = shutil.which("go")
    if not go:
        raise ToolchainError(
            f"{unit} is not on this machine, {so_far}, and there is no go on PATH to build it",
            with_go(unit, unit.go.needs),
        )
    return _Build(unit, work, go, so_far).run(into)


def without_go(unit: Unit) -> str:
    """The hint for everyone whom Go does not help: each of the other things that would."""
    host = urlsplit(unit.release.url).netloc
    allow = f", or allow access to {host}" if host else ""
    return f"put {', '.join(unit.binaries)} of version {unit.version} on PATH{allow}"


def with_go(unit: Unit, version: str) -> str:
    """The hint for everyone who has no Go of ``version`` or newer: each of the things that would help."""
    return f"install Go >= {version}, or {without_go(unit)}"


class _Build:
    """One build of one unit."""

    def __init__(self, unit: Unit, work: Path, go: str, so_far: str) -> None:
        self.unit = unit
        self.module = work / "module"
        self.out = work / "out"
        self.go = go
        self.so_far = so_far
        self.packages = {
            unit.fill(unit.go.packages.get(binary, unit.go.package), binary=binary): binary for binary in unit.binaries
        }
        scratch = work / "tmp"
        for folder in (self.module, self.out, scratch):
            folder.mkdir()
        host = Host.here()
        self.env = os.environ | {
            "CGO_ENABLED": "0",
            "GO111MODULE": "on",
            "GOARCH": host.arch,
            "GOFLAGS": "-mod=mod",
            "GOOS": host.os,
            "GOTMPDIR": str(scratch),  # so that also what SIGKILL leaves behind is found and removed
            "GOWORK": "off",
        }
        self.lines: deque[str] = deque(maxlen=SHOWN_LINES)

    def run(self, into: Path) -> dict[str, object]:
        with step(f"{self.unit}: building with Go") as progress:
            progress.update(note="source")
            self._write_module()
            self._compile(progress, self._list_packages(progress))
        for package, binary in self.packages.items():
            (self.out / _built_name(package, test=self.unit.go.test)).rename(into / binary)
        version = self._go("env", "GOVERSION").output.strip()
        return {"module": f"{self.unit.go.module}@v{self.unit.version}", "go": version}

    def _write_module(self) -> None:
        wanted = f"{self.unit.go.module}@v{self.unit.version}"
        module = json.loads(self._go("mod", "download", "-json", wanted).output)
        upstream = json.loads(self._go("mod", "edit", "-json", module["GoMod"]).output)
        lines = [f"require {self.unit.go.module} v{self.unit.version}", *go_mod_lines(self.unit, upstream)]
        (self.module / "go.mod").write_text("\n".join(["module build", *lines, ""]), encoding="utf-8")
        sums = Path(module["Dir"], "go.sum")
        if sums.is_file():
            (self.module / "go.sum").write_bytes(sums.read_bytes())

    def _list_packages(self, progress: Step) -> list[str]:
        downloads = 0

        def line(text: str) -> None:
            nonlocal downloads
            self._keep(text)
            if text.startswith(_DOWNLOAD):
                downloads += 1
                progress.update(note=f"{downloads} modules downloaded")

        test = ["-test"] if self.unit.go.test else []
        return self._go("list", "-deps", *test, *self.packages, line=line).output.splitlines()

    def _compile(self, progress: Step, packages: list[str]) -> None:
        compiled = 0

        def line(text: str) -> None:
            nonlocal compiled
            self._keep(text)
            if _PACKAGE.fullmatch(text):
                compiled += 1
                progress.update(done=compiled, note="linking" if text in self.packages else "packages")

        progress.update(done=0, total=len(packages), note="packages")
        stamps = (f"-X {name}={self.unit.fill(value)}" for name, value in self.unit.go.stamps.items())
        # The linker would leave debugging information out anyway (-s -w); not to write it is a twelfth of the time.
        how = ["-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false"]
        flags = [*how, "-ldflags", " ".join(["-s", "-w", *stamps]), "-o", f"{self.out}{os.sep}"]
        if self.unit.go.test:
            # `go test -c` does not say what it compiles, which takes many minutes: so that is done before.
            self._go("build", "-v", *how, *filter(_is_imported, packages), line=line)
            progress.update(note="linking")
            self._go("test", "-c", "-vet=off", *flags, *self.packages)
        else:
            self._go("build", "-v", *flags, *self.packages, line=line)

    def _go(self, *arguments: str, line: Callable[[str], None] | None = None) -> Finished:
        try:
            finished = follow([self.go, *arguments], cwd=self.module, env=self.env, line=line or self._keep)
        except OSError as error:
            raise ToolchainError(
                f"{self.go} cannot be run: {error.strerror}", with_go(self.unit, self.unit.go.needs)
            ) from error
        if finished.code != 0:
            raise self._failure(finished)
        return finished

    def _keep(self, text: str) -> None:
        if text.strip() and not text.startswith(_DOWNLOAD) and not _PACKAGE.fullmatch(text):
            self.lines.append(text)

    def _failure(self, finished: Finished) -> ToolchainError:
        said = "\n".join(self.lines) or _error_in(finished.output) or f"go ended with code {finished.code}"
        old = _TOO_OLD.search(said)
        if old:
            hint = with_go(self.unit, next(number for number in old.groups() if number))
            if "GOTOOLCHAIN=local" in said:
                hint += "; GOTOOLCHAIN=auto lets go fetch a newer one itself"
            return ToolchainError(f"the Go on this machine is too old to build {self.unit}: {said}", hint)
        if _FULL.search(said):
            hint = (
                "Go's own caches grow as well (`go env GOCACHE GOMODCACHE`, up to 4 GB); KDC_CACHE=DIRECTORY moves ours"
            )
            return ToolchainError(
                f"no space left to build {self.unit}, about {self.unit.go.megabytes} MB here: {said}", hint
            )
        return ToolchainError(f"{self.unit} could not be built with Go ({self.so_far}): {said}", without_go(self.unit))


def go_mod_lines(unit: Unit, upstream: dict[str, Any]) -> list[str]:
    """Upstream's go.mod (as ``go mod edit -json`` prints it) as lines that give the same versions outside its tree."""
    own_tree = {rule["Old"]["Path"] for rule in upstream.get("Replace") or () if not rule["New"].get("Version")}
    lines = [f"go {upstream['Go']}"] if upstream.get("Go") else []
    lines += [f"godebug {setting['Key']}={setting['Value']}" for setting in upstream.get("Godebug") or ()]
    for need in upstream.get("Require") or ():
        path, version = need["Path"], need["Version"]
        if path in own_tree and version == "v0.0.0" and unit.go.staging:
            version = unit.fill(unit.go.staging)
            lines.append(f"replace {path} => {path} {version}")
        lines.append(f"require {path} {version}{' // indirect' if need.get('Indirect') else ''}")
    lines += [f"exclude {rule['Path']} {rule['Version']}" for rule in upstream.get("Exclude") or ()]
    lines += [_replace(rule) for rule in upstream.get("Replace") or () if rule["New"].get("Version")]
    return lines


def _replace(rule: dict[str, dict[str, str]]) -> str:
    old = " ".join(filter(None, (rule["Old"]["Path"], rule["Old"].get("Version"))))
    return f"replace {old} => {rule['New']['Path']} {rule['New']['Version']}"


def _error_in(output: str) -> str:
    """What ``go mod download -json`` has to say when it fails, which it does on its standard output."""
    try:
        return str(json.loads(output)["Error"])
    except (ValueError, KeyError, TypeError):
        return ""


def _is_imported(package: str) -> bool:
    """Whether it is a package of a module, none of Go's own or of those that ``go list -test`` adds."""
    return bool(_PACKAGE.fullmatch(package)) and "." in package.partition("/")[0] and not package.endswith(".test")


def _built_name(package: str, *, test: bool = False) -> str:
    """What Go calls the binary in a directory: the last part that is not a major version, and of a test ``.test``."""
    parts = package.split("/")
    name = parts[-2] if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]) else parts[-1]
    return f"{name}.test" if test else name
