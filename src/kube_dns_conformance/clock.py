"""The clock that verdicts are made by: seconds since the epoch, which no correction of the machine's clock can step."""

from __future__ import annotations

import time

_STARTED = time.time() - time.monotonic()


def now() -> float:
    """Seconds since the epoch as of the start of this process, going on evenly from there."""
    return epoch(time.monotonic())


def epoch(monotonic: float) -> float:
    """The same moment by this clock, given by `time.monotonic`, which all processes of a machine share."""
    return _STARTED + monotonic
