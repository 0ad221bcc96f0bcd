"""What a prober has seen and nobody has taken yet, in files: a container that is started anew goes on with it.

Each prober has three files: ``ID.order`` is what it asks, a line of ``ID.said`` is one thing that was said, and
``ID.seen`` begins with how many observations were taken, and has the others. They are JSON lines; where a process was
killed in the middle of one, it is not counted.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kube_dns_conformance.agent.observations import Said, Seen

BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Another one after each start of the machine, and with it another monotonic clock."""


class Kept:
    """The files of one prober. Where they cannot be written no more is kept, and nothing is said of it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.said: list[Said] = []
        self.seen: list[Seen] = []
        self.forgotten = self.slots = self.missed = 0
        self._order, self._said, self._seen = (folder / f"{name}.{what}" for what in ("order", "said", "seen"))

    @property
    def order(self) -> bytes:
        """What it was told to ask, when it was started."""
        return self._order.read_bytes().partition(b"\n")[2]

    def begin(self, order: bytes) -> None:
        """Keep this from now on."""
        with suppress(OSError):
            self._order.write_bytes(_boot() + b"\n" + order)

    def read(self) -> bool:
        """Read what there is; False when it is of another start of the machine, whose times mean nothing any more."""
        if not self._order.read_bytes().startswith(_boot() + b"\n"):
            return False
        self.said = [Said(base64.b64decode(wire), problem, cut) for wire, problem, cut in _lines(self._said)]
        for line in _lines(self._seen):
            if isinstance(line, int):
                self.forgotten = line
            else:
                self.slots, self.missed, seen = line
                self.seen += [Seen(*one) for one in seen if one[3] < len(self.said)]
        self._said.unlink(missing_ok=True)  # written anew without the line that was begun last
        self._append(self._said, _texts(self.said))
        self.forget(self.forgotten, self.slots, self.missed, self.seen)
        return True

    def add(self, slots: int, missed: int, said: Iterable[Said], seen: Sequence[Seen]) -> None:
        """Keep what is new; what it refers to comes first."""
        self._append(self._said, _texts(said))
        self._append(self._seen, [[slots, missed, seen]])

    def forget(self, forgotten: int, slots: int, missed: int, seen: Sequence[Seen]) -> None:
        """So many were taken in all, and these are left."""
        new = self._seen.with_suffix(".new")
        with suppress(OSError):
            new.unlink(missing_ok=True)
            self._append(new, [forgotten, [slots, missed, seen]])
            new.replace(self._seen)

    def end(self) -> None:
        """Nobody wants it any more."""
        with suppress(OSError):
            for path in (self._order, self._said, self._seen):
                path.unlink(missing_ok=True)

    def _append(self, path: Path, lines: Iterable[Any]) -> None:
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        if not data or not self._order.exists():
            return
        try:
            with path.open("ab") as file:
                file.write(data)
        except OSError:  # what has a gap is worse than nothing
            self.end()


def all_in(folder: Path) -> Iterator[Kept]:
    """Those of a process that has ended; deleted is what cannot be read, or is of another start of the machine."""
    for path in sorted(folder.glob("*.order")):
        kept = Kept(folder, path.stem)
        try:
            is_whole = kept.read()
        except (OSError, ValueError, TypeError, IndexError):
            is_whole = False
        if is_whole:
            yield kept
        else:
            kept.end()


def _texts(said: Iterable[Said]) -> Iterator[Any]:
    return ([base64.b64encode(one.wire).decode(), one.problem, one.cut] for one in said)


def _lines(path: Path) -> Iterator[Any]:
    with suppress(FileNotFoundError):
        for line in path.read_bytes().split(b"\n"):
            try:
                yield json.loads(line)
            except ValueError:
                return


def _boot() -> bytes:
    try:
        return BOOT.read_bytes().strip()
    except OSError:
        return os.uname().nodename.encode()
