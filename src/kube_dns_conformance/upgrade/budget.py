"""What an upgrade may cost those who ask: how long no right answer, for which cause."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kube_dns_conformance.errors import UsageError

LIES = ("wrong", "missing", "stale", "NXDOMAIN")
"""What no upgrade excuses: the server speaks, and what it says is not so."""
SILENCES = ("timeout", "refused", "SERVFAIL", "REFUSED", "unusable")
CAUSES = (*LIES, *SILENCES)


def is_lie(cause: str) -> bool:
    """Whether the server spoke, and what it said was not so."""
    return cause in LIES


@dataclass(frozen=True)
class Budget:
    """Seconds, of each name as it is asked from each node at each address that Pods are told to ask.

    ``longest`` is at a stretch, for whatever causes; ``total`` is all in all, by cause: none of any lie by default, and
    of silence as much as ``longest`` leaves.
    """

    longest: float = 5.0
    total: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(LIES, 0.0))

    def as_data(self) -> dict[str, Any]:
        """As in a file."""
        return {"longest": self.longest, "total": dict(self.total)}


def load(path: str) -> Budget:
    """From a TOML file: ``longest = 10``, and a table ``[total]`` of seconds by cause. Raises UsageError."""
    if not path:
        return Budget()
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read --budget {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--budget {path} is not valid TOML: {error}") from None
    return parse(data, f"--budget {path}")


def parse(data: Mapping[str, Any], where: str) -> Budget:
    """What `Budget.as_data` gives. Raises UsageError, which says ``where``, for what is no budget."""
    total = data.get("total", {})
    if unknown := [name for name in data if name not in ("longest", "total")]:
        raise UsageError(f"{where}: there is no {unknown[0]!r}", "there is longest, and the table total")
    if not isinstance(total, dict):
        raise UsageError(f"{where}: total is a table", "for example: [total] then timeout = 10")
    if unknown := [name for name in total if name not in CAUSES]:
        raise UsageError(f"{where}: {unknown[0]!r} is no cause", f"there are {', '.join(CAUSES)}")
    limits = {"longest": data.get("longest", Budget.longest), **total}
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 86400:
            raise UsageError(f"{where}: {name} is a number of seconds from 0 on, below 86400")
    return Budget(float(limits["longest"]), dict.fromkeys(LIES, 0.0) | {name: float(total[name]) for name in total})
