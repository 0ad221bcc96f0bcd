"""Another witness: dig, over and over in each node of a kind cluster, beside a watch that it is compared with."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

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
dig() {{ chroot {folder} dig +tries=1 +timeout={timeout:g} -u +noall +answer +stats "@$1" "$2" A 2>&1; }}
ask() {{
  local begun=$EPOCHREALTIME said status
  said=$(dig "$@"); status=$?
  line+="$begun $EPOCHREALTIME $status ${{said//[$'\\n\\t']/ }}"$'\\t'
  return $status
}}
while :; do
  # A second try of dig's own would go to the same replica: it comes from the same port.
  ( ask "$@" || ask "$@"; printf '%s\\n' "$line" >> {log} ) &
  sleep {every:g}
done
"""
MOST_UNSURE = 0.5
"""Seconds: a dig that was kept longer from asking, or from telling, excuses no more difference than this."""
QUERY_TIME = re.compile(r"Query time: (\d+) usec")
A_RECORD = re.compile(r"\sIN\s+A\s+([0-9.]+)")


class Asked(NamedTuple):
    """One question, asked twice if it was not answered. Seconds since the epoch.

    ``at`` is when it was sent first, ``came`` when an answer came, infinite if none did. Either may be off by
    ``unsure`` seconds: dig tells how long an answer took, and what its process took beyond that lies before or after.
    """

    at: float
    came: float
    is_right: bool
    unsure: float = 0.0


@dataclass(frozen=True)
class Window:
    """From the first question that was not answered right to the first one that was, seconds since the epoch.

    ``back`` is when a right answer came to a question of later: the last of the questions may have been asked long
    before that, when it was its second try that succeeded, and that one was sent sooner or later. ``unsure`` as for
    `Asked`. Since ``flaps`` (`start`, unless it is told) there were others, short and close together: one replica was
    gone already, and who happened to ask the other was answered.
    """

    start: float
    end: float
    back: float
    unsure: float = 0.0
    flaps: float | None = None

    @property
    def since(self) -> float:
        """When the first of those that flap began."""
        return self.start if self.flaps is None else self.flaps

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
            loop = ["bash", "-c", self._script, "kdc-dig-loop", *self._asked]
            run([program(), "exec", "--detach", node, *inside, *loop])

    def stop(self) -> dict[str, list[str]]:
        """The lines that each has written. Raises ToolsError."""
        found = {}
        for node in self._nodes:
            run_in(node, "pkill", "--full", "kdc-dig-loop")
            found[node] = run_in(node, "cat", LOG).splitlines()
        return found


def asked(lines: Iterable[str], right: str, timeout: float) -> list[Asked]:
    """What dig, which wrote these lines, asked, and whether it was told ``right``. ``timeout`` is that of `Loops`."""
    return sorted(_asked(line.rstrip("\t").split("\t"), right, timeout) for line in lines)


def _asked(tries: Sequence[str], right: str, timeout: float) -> Asked:
    (first, _, _, unsure), (_, came, said, unsure_of_last) = (_tried(one, timeout) for one in (tries[0], tries[-1]))
    if said is None:
        return Asked(first, math.inf, is_right=False, unsure=unsure)
    return Asked(first, came, is_right=said == [right], unsure=unsure_of_last)


def _tried(line: str, timeout: float) -> tuple[float, float, list[str] | None, float]:
    """When it was begun and at its end, what was said, and the time that it took beyond that of the answer."""
    begun, ended, status, said = line.split(" ", 3)
    took = QUERY_TIME.search(said)
    beyond = float(ended) - float(begun) - (int(took[1]) / 1e6 if took else timeout)
    return float(begun), float(ended), A_RECORD.findall(said) if status == "0" else None, max(0.0, beyond)


def excused(asked: Sequence[Asked]) -> list[Asked]:
    """The same, each as unsure at least as it came late after the one before: what began meanwhile nobody has seen."""
    waited = [0.0, *(later.at - one.at - EVERY_SECONDS for one, later in pairwise(asked))]
    return [one._replace(unsure=max(one.unsure, late)) for one, late in zip(asked, waited, strict=True)]


def windows(asked: Sequence[Asked]) -> Iterator[Window]:
    """When it was told something else, or nothing. What lasts until the end ends with the last question."""
    first, before = None, None
    for at, one in enumerate(asked):
        if first is not None and one.is_right:
            back = min((later for later in asked[at:] if later.is_right), key=attrgetter("came"))
            unsure = max(first.unsure, back.unsure)
            before = Window(first.at, one.at, back.came, unsure, _flaps(before, first.at))
            yield before
        first = None if one.is_right else first or one
    if first is not None:
        yield Window(first.at, asked[-1].at, asked[-1].at, first.unsure, _flaps(before, first.at))


def _flaps(before: Window | None, start: float) -> float | None:
    """Since when, for what begins now after this window."""
    if before is None or before.seconds >= LEAST_SECONDS or start - before.end >= LEAST_SECONDS:
        return None
    return before.since


def watched(rows: Iterable[Row]) -> list[Window]:
    """The same of what a watch has seen of one path, given its timeline. Where it did not ask for a moment it says
    nothing, and so that ends no window."""
    return list(windows([Asked(row["from"], row["since"], row["state"] == State.RIGHT) for row in rows]))


def disagreements(some: Sequence[Window], others: Sequence[Window], allowed: float) -> list[str]:
    """The windows of either that the other does not have, within ``allowed`` seconds and what is unsure at each end.

    One that is hardly as long as is compared at all may be a little shorter there.
    """
    return [
        f"{one.seconds:.2f} s from {one.start:.2f}"
        for these, those in ((some, others), (others, some))
        for one in these
        if one.seconds >= LEAST_SECONDS + 2 * allowed
        and not any(_apart(one, other) <= allowed + min(MOST_UNSURE, one.unsure + other.unsure) for other in those)
    ]


def _apart(one: Window, other: Window) -> float:
    return max(one.since - other.start, other.since - one.start, abs(one.back - other.back))


def differences(some: Sequence[Window], others: Sequence[Window]) -> Iterator[str]:
    """How much sooner each of ``some`` that is long enough began than the nearest of the others, and was over."""
    for one in some:
        if one.seconds >= LEAST_SECONDS and others:
            other = min(others, key=partial(_apart, one))
            unsure = max(one.unsure, other.unsure)
            yield f"{other.start - one.start:+.2f} s, {other.back - one.back:+.2f} s, unsure by {unsure:.2f} s"


def gaps(asked: Sequence[Asked], start: float, end: float) -> float:
    """The longest time (seconds) in which dig did not ask, between these two moments."""
    moments = [start, *(one.at for one in asked if start <= one.at <= end), end]
    return max(later - at for at, later in pairwise(moments))


def told(found: Iterable[Window], began: float) -> str:
    """For people."""
    shown = [f"{one.seconds:.2f} s at +{one.start - began:.2f} s" for one in found if one.seconds >= LEAST_SECONDS]
    return f"{', '.join(shown) or 'none'} without an answer"


def save(found: dict[str, list[str]], path: Path) -> None:
    """As evidence."""
    path.write_text(json.dumps(found, indent=1))
