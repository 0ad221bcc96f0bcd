"""The process that asks beside this one: what it sees, whose it is, and that it ends with it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys

import dns.message
import pytest

from dns_server import DnsServer, records
from kube_dns_conformance.agent.observations import Probe
from kube_dns_conformance.apart import Apart, helper
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.probing import Observation

SLOT = 0.02
HONEST = records({"web.test. A": ["10.0.0.1"]})


def probe(server: Server, how: str) -> Probe:
    wire = dns.message.make_query("web.test.", "A", use_edns=True, payload=1232).to_wire()
    return Probe(server.host, server.port, how, wire)


def taken(probing: Apart, at_least: int) -> list[Observation]:
    found: list[Observation] = []
    while len(found) < at_least:
        found += probing.take(1.0)
    return found


def insist_another_asks(server: Server) -> None:
    """Whoever begins to watch now gets answers."""
    another = Apart([probe(server, "udp")], SLOT, 5.0)
    try:
        taken(another, 1)
    finally:
        another.stop()


def test_what_is_seen_apart_is_told_by_our_clock_and_each_answer_once() -> None:
    with DnsServer(HONEST) as server:
        began = now()
        probing = Apart([probe(server, "udp"), probe(server, "tcp")], SLOT, 5.0)
        try:
            found = taken(probing, 20)
        finally:
            probing.stop()
        ended = now()
    for at in (0, 1):
        times = [seen.sent for seen, _ in found if seen.probe == at]
        assert times == sorted(set(times))
        assert began <= times[0]
        assert times[-1] <= ended
    assert {said.problem for _, said in found} == {None}
    assert {dns.message.from_wire(bytes(2) + said.wire).answer[0][0].to_text() for _, said in found} == {"10.0.0.1"}
    assert probing.slots >= 9


def test_it_comes_before_everything_else_where_it_may() -> None:
    hurried = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    may = subprocess.run([sys.executable, "-c", hurried], stderr=subprocess.DEVNULL, check=False).returncode == 0
    with DnsServer(HONEST) as server:
        insist_another_asks(server)
    assert (os.sched_getscheduler(helper().pid) == os.SCHED_RR) is may


def test_two_watches_share_a_process_and_end_alone() -> None:
    with DnsServer(HONEST) as server:
        first, second = (Apart([probe(server, "udp")], SLOT, 5.0) for _ in range(2))
        try:
            taken(first, 2)
            first.stop()
            assert len(taken(second, 2)) >= 2
            with pytest.raises(ClusterError, match="the process that asks has stopped asking"):
                first.take(0.0)
        finally:
            second.stop()


def test_a_process_that_was_killed_is_told_of_and_another_takes_its_place() -> None:
    with DnsServer(HONEST) as server:
        probing = Apart([probe(server, "udp")], SLOT, 5.0)
        os.kill(helper().pid, signal.SIGKILL)
        with pytest.raises(ClusterError, match="the process that asks has ended"):
            taken(probing, 1_000_000)
        probing.stop()
        insist_another_asks(server)


def test_who_is_interrupted_leaves_nothing_that_is_taken_for_the_answer_to_another() -> None:
    with DnsServer(HONEST) as server:
        probing = Apart([probe(server, "udp")], SLOT, 5.0)
        taken(probing, 1)

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            os.kill(helper().pid, signal.SIGSTOP)  # so that it is interrupted while it waits
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(KeyboardInterrupt):
                probing.take(0.0)
        finally:
            signal.signal(signal.SIGALRM, before)
        probing.stop()
        insist_another_asks(server)


def test_it_ends_with_the_process_whose_it_is_however_that_ends() -> None:
    program = (
        "import sys, time; from kube_dns_conformance.apart import helper\n"
        "print(helper().pid, flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            assert select.select([descriptor], [], [], 30.0)[0]
        finally:
            os.close(descriptor)


def test_a_process_that_was_forked_has_its_own() -> None:
    mine = helper().pid
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, str(helper().pid).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 20)) != mine
    os.close(reading)
    os.close(writing)


def test_what_cannot_be_asked_from_here_is_an_error_and_no_answer() -> None:
    probing = Apart([Probe("255.255.255.255", 53, "udp", bytes(12))], SLOT, 5.0)
    try:
        with pytest.raises(ClusterError, match="nothing can be asked from here"):
            taken(probing, 1_000_000)
    finally:
        probing.stop()
