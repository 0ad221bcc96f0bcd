"""Another witness: dig, over and over in each node of a kind cluster, beside a watch that it is compared with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from kube_dns_conformance.clusters.engine import program
from kube_dns_conformance.outages import State
from kube_dns_conformance.upgrade.seen import Row
from tools import debian
from tools.command import run
from tools.kubeadm_upgrade import run_in

WITNESS = "witness"
FOLDER = "/kind/dig"
LOG = f"{FOLDER}.log"
EVERY_SECONDS = 0.2
LEAST_SECONDS = 1.0
"""Shorter ones say less of DNS than of who happened to ask: of two replicas one may be gone, and each asks either."""
LOOP = """
rm -f {log}
ask() {{ chroot {folder} dig +short +tries=1 +timeout={timeout:g} "@$1" "$2" A 2>&1; }}
while :; do
  ( at=$(date +%s.%N)
    # A second try of dig's own goes to the same replica: it comes from the same port.
    said=$(ask "$1" "$2") || said=$(ask "$1" "$2")
    echo "$at $?" $(echo "$said" | sed '/^;;/d') >> {log} ) &
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
    """In each of these nodes, in the network of a Pod with the container `WITNESS`, from `start` to `stop`."""

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
            (container,) = run_in(node, "crictl", "ps", "--quiet", f"--name=^{WITNESS}$").split()
            pid = run_in(node, "crictl", "inspect", "--output=go-template", "--template={{.info.pid}}", container)
            inside = ["nsenter", f"--target={pid.strip()}", "--net"]
            loop = ["sh", "-c", self._script, "kdc-dig-loop", *self._asked]
            run([program(), "exec", "--detach", node, *inside, *loop])

    def stop(self) -> dict[str, list[str]]:
        """The lines that each has written. Raises ToolsError."""
        found = {}
        for node in self._nodes:
            run_in(node, "pkill", "--full", "kdc-dig-loop")
            found[node] = run_in(node, "cat", LOG).splitlines()
        return found


def asked(lines: Iterable[str], right: str) -> list[tuple[float, bool]]:
    """When dig, which wrote these lines, asked (seconds since the epoch), and whether it was told ``right``."""
    found = []
    for line in lines:
        at, status, *said = line.split()
        found.append((float(at), status == "0" and said == [right]))
    return sorted(found)


def windows(asked: Iterable[tuple[float, bool]]) -> Iterator[Window]:
    """When it was told something else, or nothing. What lasts until the end ends with the last question."""
    start = last = None
    for last, is_right in asked:
        if start is not None and is_right:
            yield Window(start, last)
        start = None if is_right else last if start is None else start
    if start is not None and last is not None:
        yield Window(start, last)


def watched(rows: Iterable[Row]) -> list[Window]:
    """The same of what a watch has seen of one path, given its timeline. Where it did not ask for a moment it says
    nothing, and so that ends no window."""
    return list(windows((row["from"], row["state"] == State.RIGHT) for row in rows))


def disagreements(some: Sequence[Window], others: Sequence[Window], allowed: float) -> list[str]:
    """The windows of either that the other does not have, within ``allowed`` seconds at each end.

    One that is hardly as long as is compared at all may be a little shorter there.
    """
    return [
        f"{one.seconds:.2f} s from {one.start:.2f}"
        for these, those in ((some, others), (others, some))
        for one in these
        if one.seconds >= LEAST_SECONDS + 2 * allowed and not any(_alike(one, other, allowed) for other in those)
    ]


def _alike(one: Window, other: Window, allowed: float) -> bool:
    return abs(one.start - other.start) <= allowed and abs(one.end - other.end) <= allowed


def gaps(asked: Sequence[tuple[float, bool]], start: float, end: float) -> float:
    """The longest time (seconds) in which dig did not ask, between these two moments."""
    moments = [start, *(at for at, _ in asked if start <= at <= end), end]
    return max(later - at for at, later in pairwise(moments))


def told(found: Iterable[Window], began: float) -> str:
    """For people."""
    shown = [f"{one.seconds:.2f} s at +{one.start - began:.2f} s" for one in found if one.seconds >= LEAST_SECONDS]
    return f"{', '.join(shown) or 'none'} without an answer"


def save(found: dict[str, list[str]], path: Path) -> None:
    """As evidence."""
    path.write_text(json.dumps(found, indent=1))
