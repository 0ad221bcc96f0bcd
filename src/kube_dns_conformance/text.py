"""Text that came from elsewhere, made harmless."""

from __future__ import annotations


def printable(text: str) -> str:
    """Shows control characters instead of sending them: what a DNS server says may be anything."""
    return "".join(one if one == "\n" or one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def last_line(said: str) -> str:
    """The last line of a program's output, without kind's ornaments; empty when there is none."""
    lines = [line.strip(" •✓…\r") for line in said.splitlines() if line.strip()]
    return printable(lines[-1][:500]) if lines else ""
