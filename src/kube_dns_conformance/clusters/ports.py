"""Free loopback ports, for both UDP and TCP, and what becomes of it when somebody else is faster."""

from __future__ import annotations

import random
import socket
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


def free_ports(count: int, host: str) -> list[int]:
    """``count`` ports that nobody listens on at ``host``. Raises ClusterError when there are not enough."""
    found: list[int] = []
    for port in random.sample(range(FIRST, LAST), LAST - FIRST):  # random: clusters start side by side
        if len(found) == count:
            return found
        if is_free(port, host):
            found.append(port)
    raise ClusterError(f"no {count} free ports between {FIRST} and {LAST} on {host}")


def is_free(port: int, host: str) -> bool:
    """Whether both a UDP and a TCP server could bind ``port`` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as sock:
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
            except OSError:
                return False
    return True
