"""Allure 3's own program: a package of npm, pinned beside this file, installed once into the cache."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from kube_dns_conformance.errors import ToolchainError, UsageError
from kube_dns_conformance.progress import step
from kube_dns_conformance.text import last_line
from kube_dns_conformance.toolchain.cache import default_cache, held, make_private, work_directory
from kube_dns_conformance.toolchain.process import exit_on_sigterm, follow, probe

HERE = Path(__file__).parent
PINS = ("package.json", "package-lock.json")
MEGABYTES = 60
NODE_SECONDS = 20.0
"""How long Node.js may take to say its version."""
_NO_SENTENCE = re.compile(r"npm error (\w+ \S+|A complete log .*)?$|npm warn ")


@dataclass(frozen=True)
class Program:
    """How to call it. ``str`` is its name with its version."""

    command: tuple[str, ...]
    version: str

    def __str__(self) -> str:
        return f"Allure {self.version}"


def program() -> Program:
    """Allure's program, installed when it is not there.

    Raises:
        UsageError: there is no Node.js, no npm, or one that is too old.
        ToolchainError: npm could not install it.
    """
    pinned = json.loads((HERE / "package.json").read_text())
    needed = pinned["engines"]["node"].removeprefix(">=")
    node = _node(needed)
    version = pinned["dependencies"]["allure"]
    recipe = b"".join((HERE / one).read_bytes() for one in PINS)
    place = default_cache() / "npm" / f"allure-{version}-{hashlib.sha256(recipe).hexdigest()[:8]}"
    made = Program((node, str(place / "node_modules" / "allure" / "cli.js")), version)
    if not place.is_dir():
        _make(place, made, _on_path("npm", needed))
    return made


def _node(needed: str) -> str:
    node = _on_path("node", needed)
    try:
        said = probe([node, "--version"], seconds=NODE_SECONDS).output
    except OSError as error:
        said = error.strerror or ""
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)", said)
    if not found or tuple(map(int, found.groups())) < tuple(map(int, needed.split("."))):
        raise UsageError(f"{_needs(needed)}: {node} says {last_line(said) or 'no version'}")
    return node


def _on_path(name: str, needed: str) -> str:
    found = shutil.which(name)
    if not found:
        raise UsageError(f"{_needs(needed)}: there is no {name} on PATH")
    return found


def _needs(version: str) -> str:
    return f"--allure needs Node.js {version} or newer with npm, from https://nodejs.org or your distribution"


def _make(place: Path, made: Program, npm: str) -> None:
    """Install it, or wait for the process that is doing so: it is there as a whole or not at all."""
    try:
        make_private(place.parent)
        with held(place.parent / f"{place.name}.lock", str(made)), exit_on_sigterm():
            if not place.is_dir():
                with work_directory(place.parent, f".{place.name}.") as work:
                    _install(work / "made", made, npm)
                    (work / "made").rename(place)
    except OSError as error:
        raise ToolchainError(
            f"cannot install {made} into {place.parent}: {error.strerror or error}",
            f"it needs {MEGABYTES} MB there; KDC_CACHE=DIRECTORY moves the cache elsewhere",
        ) from error


def _install(into: Path, made: Program, npm: str) -> None:
    into.mkdir()
    for one in PINS:
        shutil.copyfile(HERE / one, into / one)
    said: list[str] = []
    # No package of it needs a script of its own to be run.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    with step(f"installing {made} with npm"):
        done = follow(command, cwd=into, env=os.environ, line=said.append)
    if done.code != 0:
        raise ToolchainError(f"npm cannot install {made}: {_reason(said)}", "is a registry of npm packages in reach?")


def _reason(said: list[str]) -> str:
    """Why npm failed: its first sentence, which comes after names of codes and calls, and before where its log is."""
    told = [line for line in said if not _NO_SENTENCE.match(line)]
    return last_line(told[0]).removeprefix("npm error ") if told else "it does not say why"
