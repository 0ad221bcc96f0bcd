"""A process beside this one for probers, see `agent.apart`: nothing that happens here keeps them from asking."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from kube_dns_conformance.agent.observations import Probe, Said
from kube_dns_conformance.agent.probes import decode_news, encode_start
from kube_dns_conformance.clock import epoch, now
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.probing import Observation, Probing, gathered

READ_SECONDS = 0.05
"""No more often than that it is read."""
COMMAND = (sys.executable, "-P", "-m", "kube_dns_conformance.agent.apart")


class Helper:
    """One such process, until this one ends, however it does."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        # Ctrl-C is not for it: what it has seen until then is still to be told.
        self._process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        atexit.register(self.end)

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def is_there(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, what: str, body: bytes) -> list[Any]:
        """What it says, a value for each line. Raises ClusterError when nothing can be asked, or it has ended."""
        try:
            with self._turn:
                *said, last = self._exchange(what.encode() + b" " + body + b"\n")
        except BaseException:
            self._process.kill()  # who comes next would be told what was meant for somebody else
            raise
        if problem := last.decode().strip(" !\n"):
            raise ClusterError(f"nothing can be asked from here: {problem}")
        return list(map(json.loads, said))

    def _exchange(self, request: bytes) -> Iterator[bytes]:
        """The lines of the reply, of which the last says whether it is one."""
        incoming, outgoing = self._process.stdout, self._process.stdin
        if incoming is None or outgoing is None:
            raise TypeError("both are pipes")
        with suppress(OSError):  # it has ended, and there is nothing to read either
            outgoing.write(request)
            outgoing.flush()
        for line in incoming:
            yield line
            if line[:1] in b"\n!":
                return
        raise ClusterError("the process that asks has ended")

    def end(self) -> None:
        """End it, and wait until it has."""
        with suppress(OSError), self._process:
            pass  # it reads to the end of its input


def helper() -> Helper:
    """That of this process, which is started when it is first needed."""
    known = _helper(os.getpid())
    if not known.is_there:
        known.end()
        _helper.cache_clear()
    return _helper(os.getpid())


@cache
def _helper(pid: int) -> Helper:  # noqa: ARG001 - a process that was forked does not share it
    return Helper()


class Apart(Probing):
    """In the process beside this one, which has so much to do with what is seen that it would ask too late."""

    def __init__(self, probes: Sequence[Probe], slot: float, timeout: float) -> None:
        self._helper = helper()
        (self._id,) = self._helper.ask("start", encode_start(list(probes), slot, timeout))
        self._taken = 0
        self._read_at = 0.0
        self._said: list[Said] = []

    def take(self, within: float) -> list[Observation]:
        """See `Probing`."""
        until = now() + within
        while True:
            self._read_at = gathered(self._read_at + READ_SECONDS, max(0.0, until - now()))
            if (new := self._new()) or now() >= until:
                return new

    def _new(self) -> list[Observation]:
        wanted = {"id": self._id, "seen": self._taken, "said": len(self._said), "within": 0.0}
        news = decode_news(self._helper.ask("take", json.dumps(wanted).encode()))
        if news is None:
            raise ClusterError("the process that asks has stopped asking")
        self._said += news.said
        self._taken += len(news.seen)
        self.slots, self.missed = news.slots, news.missed
        return [(one._replace(sent=epoch(one.sent)), self._said[one.said]) for one in news.seen]

    def stop(self) -> None:
        """See `Probing`."""
        with suppress(ClusterError):  # it has ended then
            self._helper.ask("stop", json.dumps({"id": self._id}).encode())
