"""Connects to a name the way programs do, and learns which Pod it reached: every agent says its own name."""

from __future__ import annotations

import socket
from typing import NamedTuple

SECONDS = 5.0
MAX_BYTES = 4096


class Connection(NamedTuple):
    """One connection: the address it went to and the hostname of the Pod that answered, or what went wrong."""

    address: str = ""
    hostname: str = ""
    error: str = ""


def connect(name: str, port: int) -> Connection:
    """Look the name up in this Pod's resolver, connect to the first address that works, and ask who is there."""
    try:
        with socket.create_connection((name, port), timeout=SECONDS) as sock:
            sock.sendall(b"GET /hostname HTTP/1.0\r\n\r\n")
            return Connection(str(sock.getpeername()[0]), _body(sock))
    except OSError as error:
        return Connection(error=f"{type(error).__name__}: {error}")


def _body(sock: socket.socket) -> str:
    data = b""
    while len(data) < MAX_BYTES and (more := sock.recv(MAX_BYTES)):
        data += more
    return data.partition(b"\r\n\r\n")[2].decode(errors="replace").strip()
