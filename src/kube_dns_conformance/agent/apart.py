"""Probers in a process of their own, which goes on asking whatever keeps the suite's process busy.

Requests come in on standard input, a line each: ``start``, ``take`` or ``stop``, a space, and what `Probers` is given.
What that says goes to standard output, then a line with nothing, or with ``!`` and why nothing can be asked. Everything
ends with the input.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO

from kube_dns_conformance.agent.probes import Probers


def serve(incoming: Iterable[bytes], outgoing: BinaryIO) -> None:
    """Do what is asked for until nothing more comes."""
    probers = Probers(most=math.inf)
    known = {b"start": probers.start, b"take": probers.take, b"stop": probers.stop}
    for line in incoming:
        what, _, body = line.partition(b" ")
        try:
            outgoing.writelines(known[what](body))
            outgoing.write(b"\n")
        except OSError as error:
            outgoing.write(f"! {error}\n".encode())
        outgoing.flush()


def hurry() -> None:
    """Come before everything else on this machine, where this process may: it sleeps most of the time, and whatever
    keeps it from asking keeps the suite from knowing."""
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))


if __name__ == "__main__":
    hurry()
    serve(sys.stdin.buffer, sys.stdout.buffer)
