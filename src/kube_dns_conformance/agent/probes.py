"""The probers that run in an agent, and how they are started, read and ended from afar.

``/probe/start`` takes ``{"slot", "timeout", "probes"}`` and says the id of a new prober. ``/probe/take`` takes
``{"id", "seen", "said", "within"}``, the numbers of what was taken so far, and says what is new; ``/probe/stop`` takes
``{"id"}``. A prober that nobody takes from ends after a while. Given a folder, what is not taken yet is kept there, and
the agent that is started anew in that folder goes on asking, told or not.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from kube_dns_conformance.agent.kept import Kept, all_in
from kube_dns_conformance.agent.observations import Probe, Said, Seen
from kube_dns_conformance.agent.prober import Prober

MOST_PROBES = 5000
LONGEST_WAIT = 5.0
LEASE_SECONDS = 900.0
AT_ONCE = 1000
"""How many observations are in a line."""


class News(NamedTuple):
    """What is new of a prober. ``slots`` and ``missed`` are of all its time."""

    slots: int
    missed: int
    said: list[Said]
    seen: list[Seen]


class Probers:
    """Those that run here, by their ids."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._running: dict[str, Prober] = {}
        self._kept: dict[str, Kept] = {}
        self._taken: dict[str, float] = {}
        self._lock = threading.Lock()
        for kept in all_in(folder) if folder else ():
            self._add(kept.name, kept.order, kept)

    def start(self, body: bytes) -> list[bytes]:
        """Start one, and end those that nobody takes from."""
        with self._lock:
            abandoned = [one for one, at in self._taken.items() if time.monotonic() - at > LEASE_SECONDS]
        for one in abandoned:
            self._end(one)
        name = secrets.token_hex(8)
        self._add(name, body, Kept(self._folder, name) if self._folder else None)
        return [_line(name)]

    def _add(self, name: str, order: bytes, kept: Kept | None) -> None:
        wanted = json.loads(order)
        probes = [Probe(str(host), int(port), _way(how), _wire(wire)) for host, port, how, wire in wanted["probes"]]
        if not 0 < len(probes) <= MOST_PROBES:
            raise ValueError(f"between 1 and {MOST_PROBES} probes")
        prober = Prober(probes, float(wanted["slot"]), float(wanted["timeout"]), time.monotonic, kept)
        with self._lock:
            self._running[name], self._taken[name] = prober, time.monotonic()
            if kept:
                kept.begin(order)
                self._kept[name] = kept
        prober.start()

    def take(self, body: bytes) -> Iterable[bytes]:
        """What is new: a line with what was said, then lines with what was seen; only ``null`` for an unknown id."""
        wanted = json.loads(body)
        with self._lock:
            prober = self._running.get(wanted["id"])
            if prober is None:
                return [_line(None)]
            self._taken[wanted["id"]] = time.monotonic()
        seen = prober.take(int(wanted["seen"]), min(float(wanted["within"]), LONGEST_WAIT))
        said = prober.said[int(wanted["said"]) :]
        texts = [[base64.b64encode(one.wire).decode(), one.problem, one.cut] for one in said]
        head = _line({"slots": prober.slots, "missed": prober.missed, "said": texts})
        return chain([head], (_line(seen[at : at + AT_ONCE]) for at in range(0, len(seen), AT_ONCE)))

    def stop(self, body: bytes) -> list[bytes]:
        """End one; one that is not there has ended."""
        self._end(json.loads(body)["id"])
        return [_line(None)]

    def _end(self, name: str) -> None:
        with self._lock:
            prober = self._running.pop(name, None)
            self._taken.pop(name, None)
            kept = self._kept.pop(name, None)
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
    said = [Said(base64.b64decode(wire), problem, cut) for wire, problem, cut in first["said"]]
    return News(first["slots"], first["missed"], said, [Seen(*one) for line in rest for one in line])


def _way(how: str) -> str:
    if how not in ("udp", "tcp"):
        raise ValueError(f"no transport: {how!r}")
    return how


def _wire(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _line(data: object) -> bytes:
    return json.dumps(data).encode() + b"\n"
