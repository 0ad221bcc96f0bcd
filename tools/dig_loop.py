"""Another witness: dig, over and over in each node of a kind cluster, beside a watch that it is compared with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kube_dns_conformance.clusters.engine import program
from kube_dns_conformance.upgrade.seen import Track
from tools import debian
from tools.command import run
from tools.kubeadm_upgrade import run_in

FOLDER = "/kind/dig"
LOG = f"{FOLDER}.log"
EVERY_SECONDS = 0.2
LEAST_SECONDS = 1.0
"""Shorter ones say less of DNS than of who happened to ask: of two replicas one may be gone, and each asks either."""
LOOP = """
rm -f {log}
while :; do
  ( at=$(date +%s.%N); said=$(chroot {folder} dig +short +tries=2 +timeout={timeout:g} "@$1" "$2" A 2>&1)
    echo "$at $? $said" | tr '\\n' ' ' | sed 's/$/\\n/' >> {log} ) &
  sleep {every:g}
done
"""


@dataclass(frozen=True)
class Window:
    """From the first question without the right answer to the first one with it, seconds since the epoch."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start


def archive() -> Path:
    """Debian with dig and a shell, in the cache. Raises ToolsError."""
    return debian.packed_root("dig", ["bind9-dnsutils"])


class Loops:
    """In each of these nodes, from `start` to `stop`."""

    def __init__(self, nodes: Sequence[str], server: str, name: str, timeout: float) -> None:
        """``timeout`` is how many seconds a question has to be answered, and the second one that follows it then."""
        self._nodes, self._asked = nodes, (server, name)
        self._script = LOOP.format(log=LOG, folder=FOLDER, timeout=timeout, every=EVERY_SECONDS)

    def start(self) -> None:
        """Raises ToolsError."""
        for node in self._nodes:
            run_in(node, "mkdir", "-p", FOLDER)
            with archive().open("rb") as file:
                run([program(), "exec", "--interactive", node, "tar", "-xf", "-", "-C", FOLDER], stdin=file)
        for node in self._nodes:
            run([program(), "exec", "--detach", node, "sh", "-c", self._script, "kdc-dig-loop", *self._asked])

    def stop(self) -> dict[str, list[str]]:
        """The lines that each has written. Raises ToolsError."""
        found = {}
        for node in self._nodes:
            run_in(node, "pkill", "--full", "kdc-dig-loop")
            found[node] = run_in(node, "cat", LOG).splitlines()
        return found


def windows(lines: Iterable[str], right: str) -> list[Window]:
    """When dig, which wrote these lines, was told something else than ``right``, or nothing."""
    asked = []
    for line in lines:
        at, status, *said = line.split()
        asked.append((float(at), status == "0" and said == [right]))
    return list(_windows(sorted(asked)))


def _windows(asked: Iterable[tuple[float, bool]]) -> Iterator[Window]:
    start = None
    for at, is_right in asked:
        if start is not None and is_right:
            yield Window(start, at)
        start = None if is_right else at if start is None else start


def watched(track: Track) -> list[Window]:
    """The same of what a watch has seen of one path: spells that follow each other are one window."""
    found: list[Window] = []
    for spell in track.spells:
        if found and found[-1].end == spell.start:
            found[-1] = Window(found[-1].start, spell.end)
        else:
            found.append(Window(spell.start, spell.end))
    return found


def longest(found: Iterable[Window]) -> Window | None:
    """The one that lasted longest; None when none lasted a second."""
    best = max(found, key=lambda one: one.seconds, default=None)
    return best if best and best.seconds >= LEAST_SECONDS else None


def difference(one: Window | None, other: Window | None) -> float:
    """By how many seconds two differ, at their beginning or at their end; for ever when one of them is not there."""
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    return max(abs(one.start - other.start), abs(one.end - other.end))


def told(name: str, one: Window | None, began: float) -> str:
    """For people."""
    return f"{name} none" if one is None else f"{name} {one.seconds:.2f} s from +{one.start - began:.2f} s"


def save(found: dict[str, list[str]], path: Path) -> None:
    """As evidence."""
    path.write_text(json.dumps(found, indent=1))
