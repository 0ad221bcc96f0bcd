"""What a prober has seen and nobody has taken yet, in files: a container that is started anew goes on with it.

Each prober has three files. ``ID.order`` is what it asks. A line of ``ID.said`` is one thing that was said, as JSON.
``ID.seen`` begins with how many observations nobody needs any more, how many slots there were, and how many of them
were missed; the other observations follow, `packed`. What a process was writing when it was killed is not counted.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from kube_dns_conformance.agent.observations import PACKED, Said, unpacked

BOOT = Path("/proc/sys/kernel/random/boot_id")
HEAD = struct.Struct("!QQQ")
SUFFIXES = ("order", "said", "seen")


class Before(NamedTuple):
    """What a process before this one has left: ``order`` is what it was told to ask, ``seen`` is `packed`."""

    order: bytes
    said: list[Said]
    seen: bytes
    forgotten: int
    slots: int
    missed: int


class Kept:
    """The files of one prober. Where they cannot be written no more is kept, and nothing is said of it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._order, self._said, self._seen = (folder / f"{name}.{what}" for what in SUFFIXES)

    def begin(self, order: bytes) -> None:
        """Keep from now on what is seen of this."""
        try:
            self._seen.write_bytes(HEAD.pack(0, 0, 0))
            self._said.write_bytes(b"")
            _replace(self._order, boot() + b"\n" + order)
        except OSError:
            self.end()

    def read(self) -> Before | None:
        """What there is; None when it does not fit together, or is of another start of the machine, whose times mean
        nothing any more.

        Raises OSError, ValueError and TypeError for what cannot be read.
        """
        started, _, order = self._order.read_bytes().partition(b"\n")
        if started != boot():
            return None
        said, whole = _lines(self._said)
        os.truncate(self._said, whole)
        size = self._seen.stat().st_size
        os.truncate(self._seen, size - (size - HEAD.size) % PACKED.size)
        data = self._seen.read_bytes()
        forgotten, slots, missed = HEAD.unpack_from(data)
        if any(one.said >= len(said) for one in unpacked(data[HEAD.size :])):
            return None
        return Before(order, said, data[HEAD.size :], forgotten, slots, missed)

    def add(self, slots: int, missed: int, said: Iterable[Said], seen: bytes) -> None:
        """Keep what is new; what it refers to comes first."""
        if not self._order.exists():
            return
        try:
            with self._said.open("ab") as file:
                file.writelines(map(_line, said))
            with self._seen.open("r+b") as file:
                forgotten, _, _ = HEAD.unpack(file.read(HEAD.size))
                file.seek(0, os.SEEK_END)
                file.write(seen)
                file.seek(0)
                file.write(HEAD.pack(forgotten, slots, missed))
        except (OSError, struct.error):  # what has a gap is worse than nothing
            self.end()

    def forget(self, forgotten: int, slots: int, missed: int, seen: bytes) -> None:
        """So many nobody needs any more, and these are left."""
        if not self._order.exists():
            return
        try:
            _replace(self._seen, HEAD.pack(forgotten, slots, missed) + seen)
        except OSError:
            self.end()

    def end(self) -> None:
        """Nobody wants it any more."""
        for path in (self._order, self._said, self._seen):
            for one in (path, _new(path)):
                with suppress(OSError):
                    one.unlink()


def all_in(folder: Path) -> Iterator[tuple[Kept, Before]]:
    """Those of a process that has ended; deleted is what cannot be read, or is of another start of the machine."""
    for name in sorted({path.name.partition(".")[0] for path in folder.iterdir()}):
        kept, before = Kept(folder, name), None
        with suppress(OSError, ValueError, TypeError, struct.error):
            before = kept.read()
        if before is None:
            kept.end()
        else:
            yield kept, before


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    _new(path).write_bytes(data)
    _new(path).replace(path)


def _new(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _line(said: Said) -> bytes:
    return json.dumps(said.as_text()).encode() + b"\n"


def _lines(path: Path) -> tuple[list[Said], int]:
    """The whole lines, and where the last one ends."""
    whole = path.read_bytes()[: path.read_bytes().rfind(b"\n") + 1]
    return [Said.from_text(json.loads(line)) for line in whole.splitlines()], len(whole)


def boot() -> bytes:
    """What is another one after each start of the machine, and with it its monotonic clock."""
    try:
        return BOOT.read_bytes().strip()
    except OSError:
        return os.uname().nodename.encode()
