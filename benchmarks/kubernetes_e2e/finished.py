"""What one run of a test program found, and where its time went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finished:
    """One run of one program.

    ``seconds`` is the whole command by the clock, ``spent`` where they went; ``verdicts`` has those tests or
    requirements that were judged, none that were skipped or unsupported.
    """

    seconds: float
    verdicts: dict[str, str]
    spent: dict[str, float]

    def good(self, verdict: str) -> bool:
        """Whether something was judged, and every verdict is this one."""
        return set(self.verdicts.values()) == {verdict}
