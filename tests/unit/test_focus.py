"""A closer look at what changes now: it moves with the change, and nothing that it saw is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import dns.message

from dns_server import DnsServer, Reply, records
from kube_dns_conformance.dns.model import Question, Transport
from kube_dns_conformance.focus import Focus
from kube_dns_conformance.vantage import ThisProcess
from kube_dns_conformance.watch import Watch

SLOT = 0.05
ORDER = [Question(f"web-{ordinal}.test.", "A") for ordinal in reversed(range(40))]


class Asked:
    """Answers, and knows what it was asked of late."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._lock = threading.Lock()
        self._honest = records({f"{one.name} A": ["10.0.0.1"] for one in ORDER})

    def __call__(self, query: bytes, transport: Transport) -> Reply:
        with self._lock:
            self._names.add(str(dns.message.from_wire(query).question[0].name))
        return self._honest(query, transport)

    def wait_for(self, first: int, last: int) -> None:
        """Wait until it is asked for these of the order, from the first to the last but one, and for no other."""
        wanted, deadline = {one.name for one in ORDER[first:last]}, time.monotonic() + 30
        while self._names != wanted:
            assert time.monotonic() < deadline, self._names
            with self._lock:
                self._names.clear()
            time.sleep(4 * SLOT)


def test_it_looks_at_those_around_the_last_that_changed() -> None:
    asked = Asked()
    with DnsServer(asked) as server:
        focus = Focus(ORDER, lambda some: Watch([ThisProcess(30.0)], [server], some, SLOT))
        with focus:
            asked.wait_for(0, 10)
            focus.hear([ORDER[3]])
            asked.wait_for(0, 10)
            focus.hear([ORDER[20], ORDER[19]])
            asked.wait_for(10, 30)
            focus.hear([Question("other.test.", "A"), ORDER[2]])  # what changes out of turn moves nothing
            asked.wait_for(10, 30)
            focus.hear([ORDER[39]])
            asked.wait_for(30, 40)
    assert {one.question for one in focus.answers()} == set(ORDER)
    assert {one.said() for one in focus.answers()} == {"NOERROR 10.0.0.1"}
    (observer,) = focus.observers
    assert (observer.name, observer.slot) == ("this process", SLOT)
    assert observer.slots > observer.missed


def test_where_there_is_no_order_nobody_looks_closer() -> None:
    def nobody(some: Sequence[Question]) -> Watch:
        raise AssertionError(some)

    with Focus([], nobody) as focus:
        focus.hear([ORDER[0]])
    assert (focus.answers(), focus.observers) == ([], ())
