"""Free loopback ports, for both UDP and TCP, and what becomes of it when somebody else is faster."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from pathlib import Path

from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.text import last_line

# Below the range from which kernels take ports for outgoing connections (32768 on Linux, 49152 elsewhere): a port that
# is free now is not taken by somebody's connection before the component has bound it.
FIRST, LAST = 20000, 32000


TAKEN = "address already in use"


class PortTakenError(ClusterError):
    """A port that was free when it was chosen is not any more: with others it may work."""


def has_ended(what: str, log: Path) -> ClusterError:
    """The error for a component that ended instead of serving, with its own last words."""
    kind = PortTakenError if TAKEN in _said(log) else ClusterError
    return kind(f"{what} ended at once: {last_words(log)}")


def last_words(log: Path) -> str:
    """The last line of a log."""
    return last_line(_said(log)) or "it said nothing"


def _said(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""


class Reserved:
    """Ports for CoreDNS that nobody else of us is given until this ends: when CoreDNS serves them.

    CoreDNS shares a port with whoever of the same user serves it (SO_REUSEPORT). Two that were given the same one would
    not fail: each would get some of the questions.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def __enter__(self) -> Reserved:
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._held:
            held.close()

    def free(self, count: int, host: str) -> list[int]:
        """``count`` ports that nobody has at ``host``. Raises ClusterError when there are not enough."""
        found: list[int] = []
        for port in random.sample(range(FIRST, LAST), LAST - FIRST):  # random: clusters start side by side
            if len(found) == count:
                return found
            if self._hold(port, host):
                found.append(port)
        raise ClusterError(f"no {count} free ports between {FIRST} and {LAST} on {host}")

    def take(self, port: int, host: str) -> bool:
        """Reserve ``port``; whether nobody serves it over UDP or TCP. Old connections to it do not count."""
        return self._hold(port, host, (socket.SO_REUSEADDR,))

    def _hold(self, port: int, host: str, options: Sequence[int] = ()) -> bool:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        held = socket.socket(family, socket.SOCK_STREAM)
        try:
            for option in options:
                held.setsockopt(socket.SOL_SOCKET, option, 1)
            held.bind((host, port))
            with socket.socket(family, socket.SOCK_DGRAM) as udp:
                udp.bind((host, port))
        except OSError:
            held.close()
            return False
        # From now on whoever shares ports can serve it, and nobody can take it who asks for it alone, as above.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._held.append(held)
        return True


def free_ports(count: int, host: str) -> list[int]:
    """``count`` ports that nobody has at ``host`` now, for whoever shares none. Raises ClusterError."""
    with Reserved() as reserved:
        return reserved.free(count, host)
