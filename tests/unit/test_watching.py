"""`watch`: durations, which names, what is true of them, and what the budget makes of what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from kube_dns_conformance.agent.prober import MOST_SPARED
from kube_dns_conformance.audit.live import Live, Subject, essence
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.compare import exactly, no_such_name
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.errors import ExitCode, UsageError
from kube_dns_conformance.kube import Object
from kube_dns_conformance.outages import Truth
from kube_dns_conformance.promises import Key
from kube_dns_conformance.timeline import gap_of
from kube_dns_conformance.watching.command import duration
from kube_dns_conformance.watching.names import GONE, MOST_QUESTIONS, Truths, choose
from kube_dns_conformance.watching.verdict import Budget, Seen, causes, not_right
from objects import endpoint, endpoint_slice, headless, service
from observations import row, seen, silent

ZONE = "cluster.local"
OLD, NEW = "10.0.0.1", "10.0.0.2"
TRUTH = Truth(((0.0, exactly([OLD])),))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("1.5s", 1.5),
        ("10m", 600.0),
        ("1h30m", 5400.0),
        ("2h", 7200.0),
        ("1m5s", 65.0),
        ("50ms", 0.05),
        ("1s500ms", 1.5),
        ("", None),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: float | None) -> None:
    assert duration("--for", text) == seconds


@pytest.mark.parametrize(
    "text", ["0", "-5", "soon", "5 minutes", "ms", "50ms1s", "0ms", "h", "1m1h", "0s", "inf", "nan"]
)
def test_what_is_no_duration_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        duration("--for", text)
    assert str(caught.value) == f"--for {text}: durations are such as 90s, 200ms, 10m, 1h30m"


class Objects:
    """A copy of objects that changes when the test says so."""

    def __init__(self, *items: Object) -> None:
        self.moment = 0.0
        self.confirmed = 0
        self.items = [(one["kind"], essence(one["kind"], one)) for one in items]
        self.listener: Callable[[], None] = lambda: None

    def listen(self, listener: Callable[[], None]) -> None:
        self.listener = listener

    def objects(self, kind: str) -> list[Object]:
        return [one for what, one in self.items if what == kind]

    def confirm(self, _subjects: object) -> None:
        self.confirmed += 1

    def change(self, moment: float, *items: Object) -> None:
        self.items = [(one["kind"], essence(one["kind"], one)) for one in items]
        self.moment = moment
        self.listener()

    def changed_at(self, _subjects: set[Subject]) -> float:
        return self.moment

    def insist_alive(self) -> None:
        pass


def live(*items: Object) -> tuple[Objects, Live]:
    made = Objects(*items)
    return made, cast(Live, made)


WEB = [headless(ports=[("http", 80)]), endpoint_slice(endpoint(OLD, hostname="web-0"), ports=[("http", 80)])]
DB = service("db", "10.96.0.5", namespace="data")


def test_everything_that_services_promise_is_watched_but_reverse_names() -> None:
    _, found = live(*WEB, DB)
    keys = choose(found, ZONE, [], [], 0)
    assert {key.rdtype for key in keys} <= {"A", "AAAA", "SRV", "CNAME"}
    assert {Key(f"web.shop.svc.{ZONE}.", "A"), Key(f"web-0.web.shop.svc.{ZONE}.", "A")} <= set(keys)
    assert Key(f"db.data.svc.{ZONE}.", "A") in keys


@pytest.mark.parametrize("name", ["web-0.web.shop", f"web-0.web.shop.svc.{ZONE}", f"WEB-0.web.shop.svc.{ZONE}."])
def test_a_name_may_be_given_short_or_whole(name: str) -> None:
    _, found = live(*WEB, DB)
    assert {key.name for key in choose(found, ZONE, [name], [], 0)} == {f"web-0.web.shop.svc.{ZONE}."}


def test_a_namespace_or_a_sample_chooses_services() -> None:
    _, found = live(*WEB, DB)
    assert {key.name for key in choose(found, ZONE, [], ["data"], 0)} == {f"db.data.svc.{ZONE}."}
    assert len({key.name.split(".svc.")[0].split(".")[-1] for key in choose(found, ZONE, [], [], 1)}) == 1


def test_more_than_can_be_watched_without_a_gap_is_refused() -> None:
    _, found = live(*(service(f"s{at}", f"10.96.1.{at}") for at in range(MOST_QUESTIONS)))
    with pytest.raises(
        UsageError, match=rf"\d+ names and types are more than the {MOST_QUESTIONS} that can be watched"
    ):
        choose(found, ZONE, [], [], 0)


def test_what_was_true_when_is_kept() -> None:
    objects, found = live(*WEB)
    key = Key(f"web-0.web.shop.svc.{ZONE}.", "A")
    truths = Truths(found, ZONE, [key])
    assert truths.news() == []
    objects.change(100.0, WEB[0], endpoint_slice(endpoint(NEW, hostname="web-0"), ports=[("http", 80)]))
    objects.change(200.0)
    assert truths.news() == [(100.0, key, exactly([NEW])), (200.0, key, GONE)]
    assert truths.news() == []
    said = truths.of(Question(*key)).said
    assert [(moment, str(one)) for moment, one in said[1:]] == [(100.0, NEW), (200.0, "no record")]
    assert str(said[0][1]) == OLD


def made(*said: str, limit: float | None = None, truth: Truth = TRUTH) -> Seen:
    found = Seen(Budget(10.0, limit))
    for one in row(*said):
        found.add(one, truth)
    return found


def test_outages_within_the_budget_are_no_problem() -> None:
    found = made(OLD, "-", "!", OLD, limit=2.0)
    assert (found.problems(), found.exit_code(), found.longest()) == ([], ExitCode.CONFORMANT, 2.0)


def test_an_outage_beyond_the_budget_is_one() -> None:
    found = made(OLD, "-", "!", OLD, limit=1.5)
    assert found.problems() == [
        "web.shop.svc.cluster.local. A at dns-0/udp was not right for 2.00 s, and 1.5 s are allowed"
    ]
    assert found.exit_code() == ExitCode.NONCONFORMANT


def test_what_was_never_right_is_in_no_budget() -> None:
    found = made(OLD, "192.0.2.66", OLD, limit=3600.0)
    assert found.problems() == [
        "web.shop.svc.cluster.local. A at dns-0/udp gave what was never right in 1 of 3 answers"
    ]


def test_without_a_budget_dns_is_granted_propagation_and_the_ttl_that_it_announced() -> None:
    assert made(OLD, *["-"] * 14, OLD).problems() == []  # 14 s, and 10 s and a TTL of 5 s are granted
    assert made(OLD, *["-"] * 16, OLD).problems() == [
        "web.shop.svc.cluster.local. A at dns-0/udp was not right for 16.00 s, and 15 s are allowed"
    ]


def test_what_each_answer_begins_and_ends_is_told() -> None:
    found = Seen(Budget(1.0))
    assert found.add(seen(OLD, at=0.0), TRUTH) == (None, None)
    ended, begun = found.add(silent(1.0), TRUTH)
    assert (ended, begun.cause if begun else None) == (None, "timeout")
    assert found.add(silent(1.5), TRUTH) == (None, None)
    ended, begun = found.add(seen(at=2.0, rcode="SERVFAIL"), TRUTH)
    assert (ended.seconds if ended else None, begun.cause if begun else None) == (1.0, "SERVFAIL")
    ended, begun = found.add(seen(OLD, at=3.0), TRUTH)
    assert (ended.seconds if ended else None, begun) == (1.0, None)
    assert [one.seconds for _, one in found.outages()] == [1.0, 1.0]


def test_of_the_time_in_which_nobody_asked_nothing_is_told() -> None:
    found = Seen(Budget(1.0), gap=0.5)
    for at in (0.0, 0.4):
        found.add(silent(at), TRUTH)
    ended, begun = found.add(silent(300.0), TRUTH)
    assert (ended.seconds if ended else None, begun.start if begun else None) == (0.4, 300.0)
    ended, begun = found.add(seen(OLD, at=600.0), TRUTH)
    assert (ended.seconds if ended else None, begun) == (0.0, None)
    assert found.problems() == []
    assert found.longest() == 0.4


def test_servers_are_told_with_the_causes_and_what_is_not_right_now() -> None:
    found = made(OLD, "-", "-", "!", OLD, "", truth=TRUTH)
    ((where, lanes),) = found.by_server().items()
    tallies = list(lanes.values())
    assert where == ("dns-0", "udp")
    assert causes(tallies[0].outages) == "timeout 2, SERVFAIL 1, NXDOMAIN 1"
    assert not_right(tallies) == 1
    data = found.as_data()
    assert (data["asked"], data["longest"], data["outcome"]) == (6, 3.0, "conformant")


def test_a_problem_names_the_node_it_was_seen_from_where_there_are_several() -> None:
    found = Seen(Budget(0.0, 0.5))
    for at in (0.0, 1.0):
        found.add(replace(silent(at), vantage="node-b"), TRUTH)
    assert found.problems() == [
        "web.shop.svc.cluster.local. A at dns-0/udp from node node-b was not right for 1.00 s, and 0.5 s are allowed"
    ]


def test_a_name_that_is_gone_may_be_denied_or_empty() -> None:
    gone = Truth(((0.0, exactly([OLD])), (1.0, GONE)))
    found = Seen(Budget(1.0, 0.5))
    for one in row(OLD, "", ""):
        found.add(one, gone)
    assert found.problems() == []
    assert no_such_name() != GONE


def test_a_name_that_has_gone_since_it_was_chosen_is_known_to_be_gone() -> None:
    """Seen as a KeyError while the namespaces of another run were on their way out."""
    key = Key(f"web.shop.svc.{ZONE}.", "A")
    truths = Truths(cast("Live", Objects()), ZONE, [key])
    assert truths.of(Question(*key)).said[0][1] == GONE


def test_many_wrong_answers_of_one_moment_ask_the_api_server_once() -> None:
    """Seen as a watch that never came to its end: a replica lied twenty times a second."""
    objects, found = live(*WEB)
    key = Key(f"web-0.web.shop.svc.{ZONE}.", "A")
    truths = Truths(found, ZONE, [key])
    for _ in range(100):
        truths.confirm(Question(*key), 100.0)
    assert objects.confirmed == 1
    truths.confirm(Question(*key), now() + 1.0)
    assert objects.confirmed == 2


def test_who_spares_a_slow_server_still_sees_its_outage() -> None:
    slot = 0.12
    found = Seen(Budget(0.0, 1.0), gap_of(slot))
    for number in range(100):
        found.add(silent(number * MOST_SPARED * slot), TRUTH)
    assert found.longest() == pytest.approx(99 * MOST_SPARED * slot)
    assert found.outcome() == "nonconformant"


def test_what_was_watched_for_less_than_half_of_the_time_is_unknown() -> None:
    found = Seen(Budget(1.0), gap=0.5)
    for at in (10.0, 10.4, 10.8, 19.0, 19.4, 20.0):
        found.add(seen(OLD, at=at), TRUTH)
    (lane,) = found.tallies
    found.look_back([lane], 10.0, 12.0)
    assert found.outcome() == "conformant"
    found.look_back([lane, replace(lane, vantage="node-b")], 10.0, 20.0)
    assert found.blind == [
        "web.shop.svc.cluster.local. A at dns-0/udp",
        "web.shop.svc.cluster.local. A at dns-0/udp from node node-b",
    ]
    assert (found.outcome(), found.exit_code()) == ("unknown", ExitCode.COULD_NOT_JUDGE)
