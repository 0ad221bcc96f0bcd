"""Text for people: what came from elsewhere is made harmless, and put in an order."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Collection, Iterable

NUMBER = re.compile(r"([0-9]+)")
FEW = 16
"""So many are told in full each time that something changes."""


def printable(text: str) -> str:
    """Shows control characters instead of sending them: what a DNS server says may be anything."""
    return "".join(one if one == "\n" or one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def counted(number: int, what: str) -> str:
    """``1 test``, ``2 tests``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def clock(moment: float) -> str:
    """The time of day of epoch seconds."""
    tenths = round(moment * 10)
    return f"{time.strftime('%H:%M:%S', time.gmtime(tenths // 10))}.{tenths % 10} UTC"


def as_before(now: Collection[str], before: Collection[str]) -> str:
    """What of many is otherwise than before; empty where that is no less than all of it, or one is there twice."""
    values, known = frozenset(now), frozenset(before)
    more, less = values - known, known - values
    if len(values) <= FEW or len(more) + len(less) > FEW or (len(now), len(before)) != (len(values), len(known)):
        return ""
    parts = ["as before", *(["with " + " ".join(in_order(more))] if more else [])]
    return ", ".join([*parts, *(["without " + " ".join(in_order(less))] if less else [])])


def in_order(values: Iterable[str]) -> list[str]:
    """In the order in which people look for one: addresses by number, in anything else the numbers by their size."""

    def key(one: str) -> tuple[int, int, list[tuple[int, str]]]:
        try:
            address = ipaddress.ip_address(one)
        except ValueError:
            # By its length and not as a number: hostile text may have more digits than a number can.
            return (
                0,
                0,
                [(len(part.lstrip("0")) if at % 2 else -1, part) for at, part in enumerate(NUMBER.split(one))],
            )
        return (address.version, int(address), [])

    return sorted(values, key=key)


def last_line(said: str) -> str:
    """The last line of a program's output, without kind's ornaments; empty when there is none."""
    lines = [line.strip(" •✓…\r") for line in said.splitlines() if line.strip()]
    return printable(lines[-1][:500]) if lines else ""
