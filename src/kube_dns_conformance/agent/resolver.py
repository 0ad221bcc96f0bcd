"""Asks the resolver that programs in this Pod use: getaddrinfo, with its search list, its files and its habits."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import NamedTuple


class Resolution(NamedTuple):
    """What the resolver made of a name: addresses in its order, or the error by its name (``EAI_NONAME``)."""

    name: str
    sent: float
    seconds: float
    addresses: tuple[str, ...] = ()
    canonical: str = ""
    error: str = ""


class Facts(NamedTuple):
    """What a program in this Pod finds: its own names, and the files that the resolver reads."""

    hostname: str
    fqdn: str
    resolv_conf: str
    hosts: str
    libc: str


_ERRORS = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}


def resolve(name: str, family: str = "any") -> Resolution:
    """Look a name up as it is given; one without a final dot goes through the search list.

    ``family`` is ipv4, ipv6 or any. Takes as long as the resolver takes: its time limits are part of what is judged.
    """
    wanted = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(family, socket.AF_UNSPEC)
    sent, began = time.monotonic(), time.monotonic()
    try:
        found = socket.getaddrinfo(name, None, wanted, socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except socket.gaierror as error:
        return Resolution(name, sent, time.monotonic() - began, error=_ERRORS.get(error.errno or 0, str(error)))
    except UnicodeError:
        return Resolution(name, sent, time.monotonic() - began, error="EAI_NONAME")
    addresses = tuple(str(one[4][0]) for one in found)
    return Resolution(name, sent, time.monotonic() - began, addresses, found[0][3])


def facts(root: Path = Path("/")) -> Facts:
    """The facts of this Pod. ``fqdn`` is what ``hostname -f`` says."""
    hostname = socket.gethostname()
    resolv_conf, hosts = (_text(root / "etc" / name) for name in ("resolv.conf", "hosts"))
    return Facts(hostname, resolve(hostname).canonical, resolv_conf, hosts, _libc())


def _libc() -> str:
    """The C library whose resolver this is: glibc says so itself, and of the others only musl matters here."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "musl").split()[0]
    except (ValueError, OSError):
        return "musl"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
