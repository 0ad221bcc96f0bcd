"""Survival: what is said about timelines, spelled out answer by answer, and a real watch of a server that changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from dns_server import DnsServer, Handler, Reply, records
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.dns.compare import exactly, no_such_name
from kube_dns_conformance.dns.model import Answer, Question, Transport
from kube_dns_conformance.judge import Judge, Nonconformant
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.run import Options, Run
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.survival import Change, insist_followed, insist_gone, insist_unbroken, observe
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import ThisProcess
from observations import DNS_1, WEB, row

OLD, NEW = "10.0.0.1", "10.0.0.2"
HEAD = "NONCONFORMANT survival.pod-restart.name-follows (2.4.1, MUST): "
ASKED = "  asked     web.shop.svc.cluster.local. A → 10.96.0.10:53/udp from this process"


def judge() -> Judge:
    timings = Timings()
    requirement = catalogue()["survival.pod-restart.name-follows"]
    return Judge(requirement, ThisProcess(timings.answer), [], timings, "cluster.local")


def change(*answers: Answer, settled_at: float = 2.0, deadline: float = 4.0) -> Change:
    """The address went from OLD to NEW at 2 s, and DNS had until 4 s to say so; one answer a second."""
    return Change(list(answers), {WEB: exactly([NEW])}, settled_at, deadline)


def said(insist: Callable[[Judge], None]) -> list[str]:
    with pytest.raises(Nonconformant) as caught:
        insist(judge())
    return str(caught.value).splitlines()


@pytest.mark.parametrize("seen", [[OLD, OLD, OLD, NEW, NEW], [OLD, "", "-", OLD, NEW, NEW], [NEW]])
def test_a_name_that_follows_in_time_is_fine(seen: list[str]) -> None:
    insist_followed(judge(), change(*row(*seen)), WEB)


def test_a_name_that_does_not_follow() -> None:
    assert said(lambda judge: insist_followed(judge, change(*row(OLD, OLD, NEW, OLD, OLD, OLD)), WEB)) == [
        f"{HEAD}web.shop did not follow the change",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NOERROR 10.0.0.1   (last wrong answer of dns-0)",
    ]


def test_a_name_that_follows_too_late() -> None:
    assert said(lambda judge: insist_followed(judge, change(*row(OLD, OLD, OLD, OLD, OLD, OLD, NEW)), WEB)) == [
        f"{HEAD}web.shop was 2.0 s late to follow the change",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NOERROR 10.0.0.1   (last wrong answer of dns-0)",
    ]


def test_every_server_has_to_follow() -> None:
    seen = change(*row(OLD, NEW, NEW), *row(OLD, OLD, "", server=DNS_1))
    assert said(lambda judge: insist_followed(judge, seen, WEB)) == [
        f"{HEAD}web.shop did not follow the change",
        "  asked     web.shop.svc.cluster.local. A → 10.96.0.11:53/udp from this process",
        "  expected  10.0.0.2",
        "  got       NXDOMAIN   (last wrong answer of dns-1)",
    ]


@pytest.mark.parametrize("seen", [[OLD, OLD, NEW, NEW], [OLD, OLD, OLD, OLD, OLD, NEW], [OLD, NEW, "", NEW]])
def test_an_old_address_that_goes_in_time_is_fine(seen: list[str]) -> None:
    insist_gone(judge(), change(*row(*seen)), OLD, WEB)


def test_an_old_address_that_stays() -> None:
    assert said(lambda judge: insist_gone(judge, change(*row(OLD, OLD, OLD, OLD, OLD, OLD)), OLD, WEB)) == [
        f"{HEAD}web.shop still answers 10.0.0.1",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NOERROR 10.0.0.1   (answer of dns-0)",
    ]


def test_an_old_address_that_comes_back_even_within_the_time_granted() -> None:
    assert said(lambda judge: insist_gone(judge, change(*row(OLD, NEW, OLD, NEW, NEW)), OLD, WEB)) == [
        f"{HEAD}web.shop answers 10.0.0.1 again after it was gone",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NOERROR 10.0.0.1   (answer of dns-0)",
    ]


def test_silence_is_no_proof_that_an_address_is_gone() -> None:
    assert said(lambda judge: insist_gone(judge, change(*row(OLD, "-", "-")), OLD, WEB)) == [
        f"{HEAD}web.shop is not answered",
        ASKED,
        "  expected  10.0.0.2",
        "  got       no answer within 2 s   (last answer of dns-0)",
    ]


@pytest.mark.parametrize("seen", [[OLD, OLD, OLD], ["", "-", OLD, OLD]])
def test_what_keeps_its_answer_once_it_had_it_is_fine(seen: list[str]) -> None:
    insist_unbroken(judge(), change(*row(*seen)), {WEB: exactly([OLD])})


@pytest.mark.parametrize(
    ("seen", "got"),
    [
        (
            [OLD, OLD, OLD, "", "", OLD],
            "NXDOMAIN   (2 of 6 answers of dns-0, the first +1.0 s from the change)",
        ),
        ([OLD, "-", OLD, OLD], "no answer within 2 s   (1 of 4 answers of dns-0, the first -1.0 s from the change)"),
        ([OLD, OLD, NEW], "NOERROR 10.0.0.2   (1 of 3 answers of dns-0, the first +0.0 s from the change)"),
        (["", "", ""], "NXDOMAIN   (3 of 3 answers of dns-0, the first -2.0 s from the change)"),
    ],
)
def test_a_blink(seen: list[str], got: str) -> None:
    assert said(lambda judge: insist_unbroken(judge, change(*row(*seen)), {WEB: exactly([OLD])})) == [
        f"{HEAD}web.shop did not keep its answer",
        ASKED,
        "  expected  10.0.0.1",
        f"  got       {got}",
    ]


def test_a_name_that_was_never_watched_is_not_judged() -> None:
    other = Question("db.shop.svc.cluster.local.", "A")
    unseen = Change(row(OLD), {other: no_such_name()}, 0.0, 0.0)
    with pytest.raises(ValueError, match="was not watched"):
        insist_followed(judge(), unseen, other)
    with pytest.raises(ValueError, match="was not watched"):
        insist_unbroken(judge(), unseen, {other: no_such_name()})


def test_the_evidence_is_the_timeline_of_every_server_and_its_last_answer() -> None:
    mine = judge()
    insist_followed(mine, change(*row(OLD, NEW, NEW), *row(NEW, server=DNS_1)), WEB)
    assert [(one["server"], one["from"], one["to"], one["asks"]) for one in mine.evidence.timeline] == [
        ("dns-0", 0.0, 0.0, 1),
        ("dns-0", 1.0, 2.0, 2),
        ("dns-1", 0.0, 0.0, 1),
    ]
    assert [(one["server"], one["answer"]) for one in mine.evidence.checks] == [
        ("dns-0", ["5 A 10.0.0.2"]),
        ("dns-1", ["5 A 10.0.0.2"]),
    ]


class AtOnce(Situation):
    """Objects that are as they shall be at once: what is left to watch is DNS."""

    def wait_settled(self) -> None:
        self.settled_at = time.time()


def watched(handler: Handler, act: Callable[[], None], after: str = NEW, propagation: float = 20.0) -> Change:
    """What `observe` makes of a real server that answers OLD at first; ``act`` is the change."""
    timings = Timings(answer=20.0, propagation=propagation, cache=0.1, hold=0.3)
    run = Run(Options(), timings)
    situation = AtOnce("survival/x", "shop", "cluster.local", cast(Kube, None), cast(Mirror, None), timings, [])
    with DnsServer(handler) as server:
        ipv4 = frozenset({Capability.IPV4})
        run._cluster = Cluster("test", "x", Path("none"), None, "cluster.local", (server,), ipv4)
        return observe(run, situation, {WEB: exactly([OLD])}, act, lambda: {WEB: exactly([after])})


def test_a_server_that_follows_is_watched_until_its_answer_has_held() -> None:
    table = {f"{WEB.name} A": [OLD]}
    seen = watched(records(table, ttl=0), lambda: table.update({f"{WEB.name} A": [NEW]}))
    insist_followed(judge(), seen, WEB)
    insist_gone(judge(), seen, OLD, WEB)
    assert seen.answers[0].said() == f"NOERROR {OLD}"
    assert seen.answers[-1].said() == f"NOERROR {NEW}"
    assert seen.answers[-1].sent - seen.settled_at >= 0.3


def test_a_server_that_does_not_follow_is_watched_until_its_time_is_up() -> None:
    seen = watched(records({f"{WEB.name} A": [OLD]}, ttl=3600), lambda: None, propagation=0.3)
    assert seen.deadline == pytest.approx(seen.settled_at + 0.3 + 0.1)  # propagation, and the TTL up to the limit
    assert seen.answers[-1].sent > seen.deadline
    with pytest.raises(Nonconformant, match="did not follow the change"):
        insist_followed(judge(), seen, WEB)


def test_what_held_long_before_the_change_is_still_watched_after_it() -> None:
    asked = threading.Semaphore(0)
    honest = records({f"{WEB.name} A": [OLD]})

    def count(query: bytes, transport: Transport) -> Reply:
        asked.release()
        return honest(query, transport)

    def wait_for_asks() -> None:
        for _ in range(8):
            asked.acquire()

    seen = watched(count, wait_for_asks, after=OLD)
    assert seen.answers[-1].sent - seen.settled_at >= 0.3
    insist_unbroken(judge(), seen, {WEB: exactly([OLD])})
