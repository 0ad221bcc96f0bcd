"""The probers that run in an agent, and how they are started, read and ended from afar.

``/probe/start`` takes ``{"slot", "timeout", "probes"}`` and says the id of a new prober. ``/probe/take`` takes
``{"id", "seen", "said", "within", "forget"}``: how much was taken so far, and up to where nobody needs it any more. It
says what is new, and which number that begins with. ``/probe/stop`` takes ``{"id"}``. A prober that nobody takes from
ends after a while; what it has seen until then can be taken still.

Given a folder, what is not forgotten yet is kept there, and the agent that is started anew with that folder goes on
asking, told or not.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from kube_dns_conformance.agent.held import Held
from kube_dns_conformance.agent.kept import Kept, all_in
from kube_dns_conformance.agent.observations import Probe, Said, Seen, unpacked
from kube_dns_conformance.agent.prober import Prober

MOST_PROBES = 5000
LONGEST_WAIT = 5.0
LEASE_SECONDS = 3600.0
"""For so long an API server may be away, or whoever takes."""
AT_ONCE = 1000
"""How many observations are in a line."""


class News(NamedTuple):
    """What is new of a prober, ``seen`` beginning with number ``first``. ``slots``, ``missed`` are of all its time."""

    first: int
    slots: int
    missed: int
    said: list[Said]
    seen: list[Seen]


class Probers:
    """Those that run here, by their ids."""

    def __init__(self, folder: Path | None = None, most: float = MOST_PROBES) -> None:
        """``most`` is how many probes one may have."""
        self._folder, self._most = folder, most
        self._running: dict[str, tuple[Prober, Kept | None]] = {}
        self._lock = threading.Lock()
        for kept, before in all_in(folder) if folder else ():
            try:
                self._add(kept.name, before.order, kept, Held(kept, before))
            except (ValueError, KeyError, TypeError):
                kept.end()

    def start(self, body: bytes) -> list[bytes]:
        """Start one."""
        name = secrets.token_hex(8)
        kept = Kept(self._folder, name) if self._folder else None
        self._add(name, body, kept, Held(kept))
        return [_line(name)]

    def take(self, body: bytes) -> Iterable[bytes]:
        """What is new: a line with what was said, then lines with what was seen; only ``null`` for an unknown id."""
        wanted = json.loads(body)
        prober, _ = self._running.get(wanted["id"], (None, None))
        if prober is None:
            return [_line(None)]
        try:
            taken = prober.held.take(
                int(wanted["seen"]), min(float(wanted["within"]), LONGEST_WAIT), wanted.get("forget")
            )
        except OSError:
            self._end(wanted["id"])  # who asks for it once more is told that there is none, and starts another
            raise
        if not taken.data and not prober.is_alive():
            self._end(wanted["id"])
            return [_line(None)]
        said = prober.said[int(wanted["said"]) : taken.told]
        texts = [one.as_text() for one in said]
        head = {"first": taken.first, "slots": prober.slots, "missed": prober.missed, "said": texts}
        return chain([_line(head)], _lines(taken.data))

    def stop(self, body: bytes) -> list[bytes]:
        """End one; one that is not there has ended."""
        self._end(json.loads(body)["id"])
        return [_line(None)]

    def _add(self, name: str, order: bytes, kept: Kept | None, held: Held) -> None:
        wanted = json.loads(order)
        probes = [Probe(str(host), int(port), _way(how), _wire(wire)) for host, port, how, wire in wanted["probes"]]
        if not 0 < len(probes) <= self._most:
            raise ValueError(f"between 1 and {self._most} probes")
        prober = Prober(
            probes, float(wanted["slot"]), float(wanted["timeout"]), time.monotonic, held, lease=LEASE_SECONDS
        )
        if kept and not held.said:
            kept.begin(order)
        with self._lock:
            self._running[name] = prober, kept
        prober.start()

    def _end(self, name: str) -> None:
        with self._lock:
            prober, kept = self._running.pop(name, (None, None))
        if prober:
            prober.stop()
        if kept:
            kept.end()


def encode_start(probes: list[Probe], slot: float, timeout: float) -> bytes:
    """For ``/probe/start``."""
    wires = [[*one[:3], base64.b64encode(one.wire).decode()] for one in probes]
    return json.dumps({"slot": slot, "timeout": timeout, "probes": wires}).encode()


def decode_news(lines: list[Any]) -> News | None:
    """What ``/probe/take`` said, given the parsed lines; None when there is no such prober."""
    first, *rest = lines
    if first is None:
        return None
    said = [Said.from_text(one) for one in first["said"]]
    seen = [Seen(*one) for line in rest for one in line]
    return News(first["first"], first["slots"], first["missed"], said, seen)


def _lines(data: bytes) -> Iterator[bytes]:
    rest = unpacked(data)
    while some := list(islice(rest, AT_ONCE)):
        yield _line(some)


def _way(how: str) -> str:
    if how not in ("udp", "tcp"):
        raise ValueError(f"no transport: {how!r}")
    return how


def _wire(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _line(data: object) -> bytes:
    return json.dumps(data).encode() + b"\n"
