"""Survival: what is said about timelines, spelled out answer by answer, and a real watch of a server that changes."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from dns_server import DnsServer, Handler, Reply, records, reply
from kube_dns_conformance import change as change_module
from kube_dns_conformance.change import Change, Piecewise, Telling, observe
from kube_dns_conformance.chosen import Options
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.dns.compare import Expected, exactly, no_such_name
from kube_dns_conformance.dns.model import Answer, Question, Transport
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.events import Event
from kube_dns_conformance.judge import Expectations, Judge, Nonconformant
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.outages import Truth
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.run import Run
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.survival import (
    insist_agreement,
    insist_followed,
    insist_gone,
    insist_never_denied,
    insist_no_lie,
    insist_served,
    insist_unbroken,
)
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import ThisProcess
from observations import DNS_1, WEB, row

OLD, NEW = "10.0.0.1", "10.0.0.2"
HEAD = "NONCONFORMANT survival.pod-restart.name-follows (2.4.1, MUST): "
ASKED = "  asked     web.shop.svc.cluster.local. A → 10.96.0.10:53/udp (dns-0) from this process"


def judge() -> Judge:
    timings = Timings()
    requirement = catalogue()["survival.pod-restart.name-follows"]
    return Judge(requirement, ThisProcess(timings.answer), [], timings, "cluster.local", lambda _: False)


def change(*answers: Answer, before: str = OLD, after: str = NEW) -> Change:
    """The address went from OLD to NEW from 1.5 to 2 s, and DNS had until 4 s to say so; one answer a second."""
    was, shall = exactly(before.split()), exactly(after.split())
    return Change(list(answers), truths_of((0.0, was), (2.0, shall)), began=1.5, settled_at=2.0, deadline=4.0, hold=1.0)


def truths_of(*states: tuple[float, Expected]) -> dict[Question, Truth]:
    told = Telling({WEB: states[0][1]}, states[0][0])
    for since, must in states:
        told.hear({WEB: must}, since)
    return told.truths()


def with_between(seen: Change, *values: str) -> Change:
    """The same, with these addresses for a moment in between."""
    return replace(seen, truths=truths_of((0.0, seen.before[WEB]), (1.75, exactly(values)), (2.0, seen.after[WEB])))


def unchanged(*answers: Answer) -> Change:
    """Something else changed; the address is OLD all the time."""
    return change(*answers, after=OLD)


def said(insist: Callable[[Judge], None]) -> list[str]:
    """All but when that was."""
    head, asked, when, *rest = all_said(insist)
    assert when.startswith("  when      ")
    return [head, asked, *rest]


def all_said(insist: Callable[[Judge], None]) -> list[str]:
    with pytest.raises(Nonconformant) as caught:
        insist(judge())
    return str(caught.value).splitlines()


def test_the_answers_to_each_question_are_found() -> None:
    other = replace(row(NEW)[0], question=Question("db.shop.svc.cluster.local.", "A"))
    rows = change(*row(OLD, NEW), other).rows
    assert [list(of.values()) for of in rows.values()] == [[[other]], [row(OLD, NEW)]]


@pytest.mark.parametrize("seen", [[OLD, OLD, OLD, NEW, NEW], [OLD, "", "-", OLD, NEW, NEW], [NEW]])
def test_a_name_that_follows_in_time_is_fine(seen: list[str]) -> None:
    insist_followed(judge(), change(*row(*seen)), [WEB])


def test_a_name_that_does_not_follow() -> None:
    assert said(lambda judge: insist_followed(judge, change(*row(OLD, OLD, NEW, OLD, OLD, OLD)), [WEB])) == [
        f"{HEAD}web.shop did not follow the change",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NOERROR 10.0.0.1   (answer of dns-0; DNS may take 2 s to follow)",
    ]


def test_a_name_that_follows_too_late() -> None:
    assert said(lambda judge: insist_followed(judge, change(*row(OLD, OLD, OLD, OLD, OLD, OLD, NEW)), [WEB])) == [
        f"{HEAD}web.shop was 2.0 s late to follow the change",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NOERROR 10.0.0.1   (answer of dns-0; DNS may take 2 s to follow)",
    ]


BAD = "10.0.0.9"


@pytest.mark.parametrize(
    ("seen", "when"),
    [
        ([OLD, OLD, OLD, OLD, OLD, OLD, NEW], "00:00:05.0 UTC, 3.00 s after the objects settled"),
        (
            [OLD, OLD, OLD, OLD, OLD, OLD, OLD, NEW],
            "00:00:05.0 UTC to 00:00:06.0 UTC, 3.00 s to 4.00 s after the objects settled",
        ),
        (
            [OLD, OLD, OLD, OLD, OLD, OLD, OLD],
            "00:00:05.0 UTC to 00:00:06.0 UTC, 3.00 s to 4.00 s after the objects settled, when it was asked last",
        ),
        ([OLD, BAD, NEW, NEW, NEW, NEW], "00:00:01.0 UTC, 0.50 s before the change began"),
        (
            [OLD, BAD, NEW, BAD, NEW, NEW],
            "00:00:01.0 UTC to 00:00:03.0 UTC, 0.50 s before the change began to 1.00 s after the objects settled",
        ),
    ],
)
def test_it_is_said_from_when_to_when_that_was(seen: list[str], when: str) -> None:
    assert all_said(lambda judge: insist_followed(judge, change(*row(*seen)), [WEB]))[2] == f"  when      {when}"


def test_from_when_to_when_that_was_is_evidence() -> None:
    one = judge()
    with pytest.raises(Nonconformant):
        insist_followed(one, change(*row(OLD, OLD, OLD, OLD, OLD, OLD, OLD, NEW)), [WEB])
    assert one.evidence.as_data()["wrong"] == [5.0, 6.0]


def test_what_was_wrong_while_the_change_went_on_is_told_so() -> None:
    early = replace(row(BAD)[0], sent=1.7)
    seen = change(*row(OLD, OLD), early, *row(NEW, NEW, NEW, NEW)[2:])
    lines = all_said(lambda judge: insist_followed(judge, seen, [WEB]))
    assert lines[2] == "  when      00:00:01.7 UTC, 0.20 s after the change began"


def test_every_server_has_to_follow() -> None:
    seen = change(*row(OLD, NEW, NEW), *row(OLD, OLD, "", "", "", "", server=DNS_1))
    assert said(lambda judge: insist_followed(judge, seen, [WEB])) == [
        f"{HEAD}web.shop did not follow the change",
        "  asked     web.shop.svc.cluster.local. A → 10.96.0.11:53/udp (dns-1) from this process",
        "  expected  10.0.0.2",
        "  got       NXDOMAIN   (answer of dns-1; DNS may take 2 s to follow)",
    ]


@pytest.mark.parametrize("seen", [[OLD, OLD, NEW, NEW], [OLD, OLD, OLD, OLD, OLD, NEW], [OLD, NEW, "", NEW]])
def test_an_old_address_that_goes_in_time_is_fine(seen: list[str]) -> None:
    insist_gone(judge(), change(*row(*seen)))


def test_an_old_address_that_stays() -> None:
    assert said(lambda judge: insist_gone(judge, change(*row(OLD, OLD, OLD, OLD, OLD, OLD)))) == [
        f"{HEAD}web.shop still answers 10.0.0.1",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NOERROR 10.0.0.1   (answer of dns-0; DNS may take 2 s to follow)",
    ]


def alone(answers: list[Answer]) -> list[Answer]:
    """The same answers, of a server that is known to be one process."""
    return [replace(one, server=replace(one.server, single=True)) for one in answers]


def test_one_server_does_not_take_back_what_it_said_even_within_the_time_granted() -> None:
    assert said(lambda judge: insist_gone(judge, change(*alone(row(OLD, OLD, NEW, OLD, NEW))))) == [
        f"{HEAD}web.shop answers 10.0.0.1 again after it was gone",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NOERROR 10.0.0.1   (answer of dns-0)",
    ]


@pytest.mark.parametrize(
    "answers",
    [
        row(OLD, OLD, NEW, OLD, NEW),  # behind one address one of several servers may still be behind
        alone(row(OLD, NEW, OLD, NEW, NEW)),  # what was said before the change says nothing about afterwards
        alone(row(OLD, OLD, "!", OLD, NEW)),  # SERVFAIL is no proof of absence
    ],
)
def test_an_old_address_that_comes_back_for_a_reason_is_no_lie(answers: list[Answer]) -> None:
    insist_gone(judge(), change(*answers))


def test_behind_one_address_nobody_may_say_the_old_one_when_the_time_is_up() -> None:
    seen = change(*row(OLD, OLD, NEW, NEW, NEW, OLD, NEW))
    first, *_ = said(lambda judge: insist_gone(judge, seen))
    assert first == f"{HEAD}web.shop still answers 10.0.0.1"


def test_a_failure_is_no_proof_that_an_address_is_gone() -> None:
    first, *_ = said(lambda judge: insist_gone(judge, change(*row(OLD, OLD, "!", "!"))))
    assert first == f"{HEAD}web.shop is answered with SERVFAIL"


def test_where_nothing_goes_nothing_is_judged_to_be_gone() -> None:
    with pytest.raises(ValueError, match="nothing was taken away"):
        insist_gone(judge(), unchanged(*row(OLD)))


def test_siblings_are_missed_in_the_answer_of_their_service_too() -> None:
    both, after = f"{OLD} 10.0.0.7", f"{NEW} 10.0.0.7"
    insist_unbroken(judge(), change(*row(both, "10.0.0.7", after), before=both, after=after))
    blinks = change(*row(both, both, NEW, after), before=both, after=after)
    assert said(lambda judge: insist_unbroken(judge, blinks)) == [
        f"{HEAD}web.shop did not keep its answer",
        ASKED,
        "  expected  at least 10.0.0.7",
        "  got       NOERROR 10.0.0.2   (1 of 4 answers of dns-0)",
    ]


def test_where_everything_changes_nothing_is_judged_to_be_unbroken() -> None:
    with pytest.raises(ValueError, match="everything changed"):
        insist_unbroken(judge(), change(*row(OLD, NEW)))


def test_what_is_right_only_after_the_change_was_broken_before() -> None:
    first, *_ = said(lambda judge: insist_unbroken(judge, unchanged(*row("", "", OLD, OLD))))
    assert first == f"{HEAD}web.shop did not keep its answer"


def test_servers_that_agree_in_the_end_agree() -> None:
    seen = change(*row(OLD, NEW, NEW, NEW), *row(OLD, OLD, NEW, NEW, server=DNS_1))
    insist_agreement(judge(), seen, [WEB])


def test_servers_that_are_wrong_alike_agree() -> None:
    insist_agreement(judge(), change(*row(OLD, OLD, OLD), *row(OLD, OLD, OLD, server=DNS_1)), [WEB])


@pytest.mark.parametrize("other", [[NEW, NEW, NEW, OLD], [NEW, NEW, "", NEW], [NEW, NEW, NEW, "-"]])
def test_servers_that_disagree_in_the_end(other: list[str]) -> None:
    seen = change(*row(OLD, NEW, NEW, NEW), *row(*other, server=DNS_1))
    first, asked, expected, got = said(lambda judge: insist_agreement(judge, seen, [WEB]))
    assert first == f"{HEAD}web.shop is answered differently by dns-0/udp and dns-1/udp"
    assert asked == "  asked     web.shop.svc.cluster.local. A → 10.96.0.11:53/udp (dns-1) from this process"
    assert expected == "  expected  10.0.0.2"
    assert got.endswith("(dns-1; dns-0 said NOERROR 10.0.0.2)")


def test_where_several_ask_it_is_said_who_was_told_what() -> None:
    seen = change(*row(OLD, NEW, NEW, NEW), *(replace(one, vantage="node-b") for one in row(OLD, NEW, NEW, OLD)))
    first, asked, *_ = said(lambda judge: insist_agreement(judge, seen, [WEB]))
    assert first == f"{HEAD}web.shop is answered differently by dns-0/udp and dns-0/udp from node-b"
    assert asked == "  asked     web.shop.svc.cluster.local. A → 10.96.0.10:53/udp (dns-0) from node node-b"


def test_silence_is_no_proof_that_an_address_is_gone() -> None:
    assert said(lambda judge: insist_gone(judge, change(*row(OLD, "-", "-")))) == [
        f"{HEAD}web.shop is not answered",
        ASKED,
        "  expected  10.0.0.2",
        "  got       no answer within 2 s   (last answer of dns-0)",
    ]


@pytest.mark.parametrize("seen", [[OLD, OLD, OLD], ["", OLD, OLD, OLD]])
def test_what_keeps_its_answer_once_it_had_it_is_fine(seen: list[str]) -> None:
    insist_unbroken(judge(), unchanged(*row(*seen)))


def slow_then(*said: str) -> list[Answer]:
    """The first question is answered when three more have been, all before the change."""
    slow, *rest = row(*said)
    return [replace(slow, seconds=1.45), *(replace(one, sent=one.sent / 4) for one in rest)]


def test_what_was_asked_before_the_first_right_answer_came_is_not_broken() -> None:
    insist_unbroken(judge(), unchanged(*slow_then(OLD, "-", "", "", OLD, OLD, OLD, OLD, OLD, OLD)))
    insist_never_denied(judge(), unchanged(*slow_then(OLD, "-", "", "", OLD, OLD, OLD, OLD, OLD, OLD)), [WEB])


def test_what_was_asked_after_it_is() -> None:
    seen = unchanged(*slow_then(OLD, OLD, "", OLD, OLD, OLD, OLD, OLD, OLD, OLD))
    assert "did not keep its answer" in said(lambda judge: insist_unbroken(judge, seen))[0]
    assert "was denied while it changed" in said(lambda judge: insist_never_denied(judge, seen, [WEB]))[0]


@pytest.mark.parametrize(
    ("seen", "got"),
    [
        (
            [OLD, OLD, OLD, "", "", OLD],
            "NXDOMAIN   (2 of 6 answers of dns-0)",
        ),
        ([OLD, "-", OLD, OLD], "no answer within 2 s   (1 of 4 answers of dns-0)"),
        ([OLD, OLD, NEW], "NOERROR 10.0.0.2   (1 of 3 answers of dns-0)"),
        (["", "", ""], "NXDOMAIN   (3 of 3 answers of dns-0)"),
    ],
)
def test_a_blink(seen: list[str], got: str) -> None:
    assert said(lambda judge: insist_unbroken(judge, unchanged(*row(*seen)))) == [
        f"{HEAD}web.shop did not keep its answer",
        ASKED,
        "  expected  10.0.0.1",
        f"  got       {got}",
    ]


@pytest.mark.parametrize("seen", [[OLD, OLD, OLD], [OLD, "-", "!", "!", OLD], ["", OLD, OLD]])
def test_silence_and_server_failure_are_no_lies(seen: list[str]) -> None:
    insist_no_lie(judge(), unchanged(*row(*seen)))


@pytest.mark.parametrize(("lie", "got"), [("", "NXDOMAIN"), (NEW, f"NOERROR {NEW}")])
def test_whoever_answers_must_say_what_is_true(lie: str, got: str) -> None:
    assert said(lambda judge: insist_no_lie(judge, unchanged(*row(OLD, OLD, "-", lie, OLD)))) == [
        f"{HEAD}web.shop is answered with what is not true",
        ASKED,
        f"  expected  {OLD}",
        f"  got       {got}   (1 of 5 answers of dns-0)",
    ]


def test_what_is_true_is_not_judged_when_it_changed() -> None:
    with pytest.raises(ClusterError, match="its objects changed on their own"):
        insist_no_lie(judge(), change(*row(OLD, NEW)))


def test_a_short_outage_is_granted_and_a_long_one_is_not() -> None:
    seen = unchanged(*row(OLD, "-", "!", "", OLD, OLD))
    insist_served(judge(), seen, 3.0)
    first, *_, got = said(lambda judge: insist_served(judge, seen, 2.5))
    assert first == f"{HEAD}web.shop was not answered rightly for 3.0 s"
    assert got.endswith("(3 of 6 answers of dns-0)")


@pytest.mark.parametrize("seen", [[OLD, NEW], [OLD, f"{OLD} {NEW}", NEW], ["", OLD, "-", "!", NEW]])
def test_what_is_never_denied_while_it_changes_is_fine(seen: list[str]) -> None:
    insist_never_denied(judge(), change(*row(*seen)), [WEB])


def test_a_name_that_is_denied_for_a_moment_while_it_changes() -> None:
    assert said(lambda judge: insist_never_denied(judge, change(*row(OLD, "", "", NEW)), [WEB])) == [
        f"{HEAD}web.shop was denied while it changed",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NXDOMAIN   (2 of 4 answers of dns-0)",
    ]


def test_what_had_nothing_to_answer_for_a_moment_may_be_denied_for_as_long_as_dns_is_granted() -> None:
    def with_nothing(*answers: str) -> Change:
        seen = change(*row(*answers))
        return replace(seen, truths=truths_of((0.0, seen.before[WEB]), (4.5, no_such_name()), (5.0, seen.after[WEB])))

    fine = [OLD, OLD, OLD, OLD, "", "", "", "", NEW, NEW]  # 2 s are granted from 5 s on
    insist_never_denied(judge(), with_nothing(*fine), [WEB])
    early = [OLD, OLD, "", OLD, OLD, "", NEW]
    assert said(lambda judge: insist_never_denied(judge, with_nothing(*early), [WEB]))[-1] == (
        "  got       NXDOMAIN   (1 of 7 answers of dns-0)"
    )
    late = [OLD, OLD, OLD, OLD, OLD, "", "", "", "", NEW]
    assert said(lambda judge: insist_never_denied(judge, with_nothing(*late), [WEB]))[-1] == (
        "  got       NXDOMAIN   (1 of 10 answers of dns-0)"
    )


def test_a_name_that_was_never_watched_is_not_judged() -> None:
    other = Question("db.shop.svc.cluster.local.", "A")
    nothing = {other: no_such_name()}
    unseen = Change(row(OLD), Telling(nothing, 0.0).truths(), 0.0, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="was not watched"):
        insist_followed(judge(), unseen, [other])
    with pytest.raises(ValueError, match="was not watched"):
        insist_unbroken(judge(), unseen)


def test_the_evidence_is_the_timeline_of_every_server_and_its_last_answer() -> None:
    mine = judge()
    insist_followed(mine, change(*row(OLD, NEW, NEW), *row(NEW, server=DNS_1)), [WEB])
    (watched,) = mine.evidence.changes
    assert [(one["server"], one["from"], one["to"], one["asks"]) for one in watched.timeline] == [
        ("dns-0", 0.0, 0.0, 1),
        ("dns-0", 1.0, 2.0, 2),
        ("dns-1", 0.0, 0.0, 1),
    ]
    assert [(one["server"], one["answer"]) for one in mine.evidence.checks] == [
        ("dns-0", ["5 A 10.0.0.2"]),
        ("dns-1", ["5 A 10.0.0.2"]),
    ]


def test_the_evidence_says_what_each_answer_was_worth_and_for_how_long() -> None:
    mine = judge()
    insist_followed(mine, change(*row(OLD, OLD, OLD, "", NEW)), [WEB])
    (watched,) = mine.evidence.changes
    assert [(one["from"], one["asks"], one["state"]) for one in watched.timeline] == [
        (0.0, 2, "right"),
        (2.0, 1, "stale"),
        (3.0, 1, "missing"),
        (4.0, 1, "right"),
    ]
    (window,) = watched.windows
    assert (window["server"], window["transport"]) == ("dns-0", "udp")
    assert (window["appeared"], window["disappeared"], window["flaps"], window["longest"]) == (2.0, 0.0, 0, 2.0)
    assert [(one["state"], one["cause"], one["seconds"]) for one in window["outages"]] == [
        ("stale", "stale", 1.0),
        ("missing", "NXDOMAIN", 1.0),
    ]
    assert (watched.about["began"], watched.about["deadline"]) == (1.5, 4.0)
    assert [(one["name"], one["since"], one["expected"]) for one in watched.truth] == [
        (WEB.name, 0.0, OLD),
        (WEB.name, 2.0, NEW),
    ]


def test_of_many_addresses_the_evidence_tells_those_that_changed() -> None:
    many = [f"10.0.1.{number}" for number in range(1, 21)]
    truths = truths_of((0.0, exactly(many)), (1.75, exactly([*many[1:], NEW])), (2.0, exactly([NEW])))
    mine, seen = judge(), replace(change(*row(NEW)), truths=truths)
    insist_followed(mine, seen, [WEB])
    assert [one["expected"] for one in mine.evidence.changes[0].truth] == [
        " ".join(many),
        f"as before, with {NEW}, without 10.0.1.1",
        NEW,
    ]


def test_each_change_has_its_own_evidence_and_each_lane_once() -> None:
    mine, first = judge(), change(*row(OLD, NEW, NEW))
    second = replace(change(*row(NEW, NEW)), began=10.0)
    for one in (first, second):
        insist_followed(mine, one, [WEB])
        insist_agreement(mine, one, [WEB])
    assert [(one.about["began"], len(one.timeline), len(one.windows)) for one in mine.evidence.changes] == [
        (1.5, 2, 1),
        (10.0, 1, 1),
    ]
    assert len(mine.evidence.checks) == 2


class Unchanging:
    """A copy of objects that never change while they are watched, unless a test tells the ``listeners``."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[Event], None]] = []

    @contextmanager
    def listening(self, listener: Callable[[Event], None]) -> Iterator[None]:
        self.listeners.append(listener)
        yield


class AtOnce(Situation):
    """Objects that are as they shall be at once, and as the API server has them: what is left to watch is DNS."""

    def wait_settled(self, within: float | None = None) -> None:
        self.settled_at = time.time()

    def confirm(self, age: float = 0.0) -> bool:
        return False


def watched(
    handler: Handler,
    act: Callable[[], None],
    *addresses: str,
    propagation: float = 20.0,
    cache: float = 0.1,
    other: Handler | None = None,
    mirror: Unchanging | None = None,
    of: Callable[[Event], Expectations] | None = None,
    order: Sequence[Question] = (),
    often: Sequence[Question] = (),
) -> Change:
    """What `observe` makes of a real server that answers OLD at first; ``act`` is the change.

    ``addresses`` is what the objects say when they are looked at before the change, again, after it, and again;
    ``other`` another server that is watched as well, ``of`` what an event that ``mirror`` hears of changes, ``order``
    in which order, and ``often`` what changes with each.
    """
    timings = Timings(answer=20.0, propagation=propagation, cache=cache, hold=0.3, late=0.2)
    run = Run(Options(), timings)
    copy = cast(Mirror, mirror or Unchanging())
    situation = AtOnce("survival/x", "shop", "cluster.local", cast(Kube, None), copy, timings, [])
    looks = iter(addresses or (OLD, OLD, NEW, NEW))

    def expect() -> Expectations:
        return {WEB: exactly([next(looks)])}

    with DnsServer(handler) as server, DnsServer(other or handler, "dns-1") as second:
        ipv4, servers = frozenset({Capability.IPV4}), (server, second) if other else (server,)
        run._cluster = Cluster("test", "x", Path("none"), None, "cluster.local", servers, ipv4)
        return observe(run, situation, Piecewise(expect, of, order, often) if of else expect, act)


def test_a_server_that_follows_is_watched_until_its_answer_has_held() -> None:
    table = {f"{WEB.name} A": [OLD]}
    seen = watched(records(table, ttl=0), lambda: table.update({f"{WEB.name} A": [NEW]}))
    insist_followed(judge(), seen, [WEB])
    insist_gone(judge(), seen)
    assert seen.answers[0].said() == f"NOERROR {OLD}"
    assert seen.answers[-1].said() == f"NOERROR {NEW}"
    assert seen.answers[-1].sent - seen.settled_at >= 0.3


def test_a_server_that_does_not_follow_is_watched_until_its_time_is_up() -> None:
    seen = watched(records({f"{WEB.name} A": [OLD]}, ttl=3600), lambda: None, propagation=0.3)
    assert seen.deadline == pytest.approx(seen.settled_at + 0.3 + 0.1)  # propagation, and the TTL up to the limit
    assert seen.answers[-1].sent > seen.deadline
    with pytest.raises(Nonconformant, match="did not follow the change"):
        insist_followed(judge(), seen, [WEB])


def test_what_an_event_can_change_is_all_that_is_looked_at_where_there_is_much() -> None:
    table, mirror = {f"{WEB.name} A": [OLD]}, Unchanging()
    gone, event = exactly(["10.0.0.9"]), Event(5.0, "Pod", "shop", "web-0", "is gone")

    def act() -> None:
        mirror.listeners[0](event)
        table.update({f"{WEB.name} A": [NEW]})

    seen = watched(records(table, ttl=0), act, mirror=mirror, of=lambda heard: {WEB: gone} if heard == event else {})
    assert [must for _, must in seen.truths[WEB].said] == [exactly([OLD]), gone, exactly([NEW])]


def test_more_questions_than_can_be_asked_in_a_slot_make_it_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_module, "MOST_A_SECOND", 20)
    table = {f"{WEB.name} A": [OLD]}
    seen = watched(records(table, ttl=0), lambda: table.update({f"{WEB.name} A": [NEW]}))
    assert [one.slot for one in seen.observers] == [0.1]


@pytest.mark.parametrize(("order", "often"), [([WEB], []), ([], [WEB])])
def test_what_changes_in_an_order_or_always_is_looked_at_more_closely(
    monkeypatch: pytest.MonkeyPatch, order: list[Question], often: list[Question]
) -> None:
    monkeypatch.setattr(change_module, "MOST_A_SECOND", 2)
    table = {f"{WEB.name} A": [OLD]}
    follow = records(table, ttl=0)
    seen = watched(follow, lambda: table.update({f"{WEB.name} A": [NEW]}), of=lambda _: {}, order=order, often=often)
    assert [one.slot for one in seen.observers] == [1.0, 0.05]
    closely = [len(row) for row in seen.rows[WEB].values()]
    seldom = [len(row) for row in watched(follow, lambda: None, NEW, NEW, NEW, NEW).rows[WEB].values()]
    assert min(closely) > max(seldom)


def test_what_held_long_before_the_change_is_still_watched_after_it() -> None:
    asked = threading.Semaphore(0)
    honest = records({f"{WEB.name} A": [OLD]})

    def count(query: bytes, transport: Transport) -> Reply:
        asked.release()
        return honest(query, transport)

    def wait_for_asks() -> None:
        for _ in range(8):
            asked.acquire()

    seen = watched(count, wait_for_asks, OLD, OLD, OLD, OLD)
    assert seen.answers[-1].sent - seen.settled_at >= 0.3
    insist_unbroken(judge(), seen)


def test_a_server_that_takes_its_time_is_watched_until_it_has_answered_too() -> None:
    table = {f"{WEB.name} A": [OLD]}
    honest = records(table, ttl=0)

    def slow(query: bytes, transport: Transport) -> Reply:
        said = honest(query, transport)
        time.sleep(0.8)  # longer than the answers of the other have to hold
        return said

    seen = watched(honest, lambda: table.update({f"{WEB.name} A": [NEW]}), other=slow)
    insist_followed(judge(), seen, [WEB])
    for server in ("dns-0", "dns-1"):
        assert [one for one in seen.answers if one.server.name == server][-1].said() == f"NOERROR {NEW}"


def test_a_server_that_nobody_asked_once_its_time_was_up_is_not_accused() -> None:
    with pytest.raises(
        ClusterError, match=r"web\.shop\.svc\.cluster\.local\. A at dns-0/udp was not asked often enough"
    ):
        insist_followed(judge(), change(*row(OLD, OLD, OLD)), [WEB])


def test_what_is_right_after_a_gap_in_the_asking_did_not_come_late() -> None:
    before, after = row(OLD, OLD, OLD, OLD), row(*["-"] * 7, NEW, NEW)[-2:]
    insist_followed(judge(), change(*before, *after), [WEB])


@pytest.mark.parametrize("looks", [(OLD, NEW), (OLD, OLD, NEW, OLD)], ids=["before the change", "after it"])
def test_objects_that_change_on_their_own_are_not_blamed_on_dns(looks: tuple[str, ...]) -> None:
    with pytest.raises(ClusterError, match="survival/x: its objects changed on their own while DNS was watched"):
        watched(records({f"{WEB.name} A": [OLD]}), lambda: None, *looks, propagation=0.1)


def test_a_watch_asks_over_tcp_as_well() -> None:
    def lies_over_tcp(query: bytes, transport: Transport) -> bytes:
        return reply(query, NEW if transport == "udp" else OLD)

    seen = watched(lies_over_tcp, lambda: None, propagation=0.5)
    lines = said(lambda judge: insist_followed(judge, seen, [WEB]))
    assert lines[0] == f"{HEAD}web.shop did not follow the change"
    assert re.fullmatch(r"  asked     .* → 127\.0\.0\.1:\d+/tcp \(dns-0\) from this process", lines[1])


def test_a_sibling_that_was_not_ready_for_a_moment_is_not_blamed_on_dns() -> None:
    both, after = f"{OLD} 10.0.0.7", f"{NEW} 10.0.0.7"
    seen = change(*row(both, both, NEW, after), before=both, after=after)
    with pytest.raises(ClusterError, match="what had to stay was not there all the time"):
        insist_unbroken(judge(), with_between(seen, NEW))


def test_a_strangers_address_is_a_lie_even_within_the_time_granted() -> None:
    assert said(lambda judge: insist_followed(judge, change(*row(OLD, OLD, "6.6.6.6", NEW, NEW)), [WEB])) == [
        f"{HEAD}web.shop answers 6.6.6.6, which was never right",
        ASKED,
        "  expected  10.0.0.2",
        "  got       NOERROR 6.6.6.6   (answer of dns-0)",
    ]


def test_what_was_right_for_a_moment_is_no_strangers_address() -> None:
    seen = change(*row(OLD, OLD, "10.0.0.9", NEW, NEW))
    insist_followed(judge(), with_between(seen, "10.0.0.9"), [WEB])


def test_a_ttl_that_is_first_announced_after_the_change_is_granted() -> None:
    """A cache asks while the new name is not there yet, and keeps the denial for the 2 s that it announced."""
    asked_after = itertools.count()
    changed = threading.Event()

    def caching(query: bytes, transport: Transport) -> Reply:
        if not changed.is_set():
            return reply(query, OLD, ttl=0)
        denied = next(asked_after) < 10
        return reply(query, rcode="NXDOMAIN", ttl=2, soa=True) if denied else reply(query, NEW, ttl=0)

    seen = watched(caching, changed.set, propagation=0.2, cache=60.0)
    assert seen.deadline - seen.settled_at == pytest.approx(2.2)
    insist_followed(judge(), seen, [WEB])
