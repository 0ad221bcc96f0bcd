"""Timelines: what appears, goes, comes back and holds, and that nothing seen is lost on the way to the report."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance import timeline
from kube_dns_conformance.dns.compare import difference, exactly, no_such_name
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.timeline import Lane
from observations import DNS_1, WEB, row, rows, seen, silent

OLD, NEW = "10.0.0.1", "10.0.0.2"
RIGHT = exactly([NEW])


def test_lanes_are_told_apart_by_question_server_and_transport() -> None:
    no_edns = Question(WEB.name, "A", None)
    mixed = [
        seen(OLD, at=3.0),
        seen(OLD, at=1.0, server=DNS_1),
        seen(OLD, at=2.0, transport="tcp"),
        seen(OLD, at=0.0, question=no_edns),
        seen(NEW, at=1.0),
    ]
    assert timeline.lanes(mixed) == {
        Lane(no_edns, "dns-0", "udp"): [mixed[3]],
        Lane(WEB, "dns-0", "udp"): [mixed[4], mixed[0]],
        Lane(WEB, "dns-0", "tcp"): [mixed[2]],
        Lane(WEB, "dns-1", "udp"): [mixed[1]],
    }


def test_what_was_truncated_over_udp_stays_in_the_lane_of_udp() -> None:
    first, second = seen(OLD, at=1.0), replace(seen(NEW, at=2.0, transport="tcp"), after_truncation=True)
    assert timeline.lanes([second, first]) == {Lane(WEB, "dns-0", "udp"): [first, second]}
    assert [line["transport"] for line in timeline.as_data([first, second])] == ["udp", "udp"]


@pytest.mark.parametrize(
    ("said", "since"),
    [
        ([], None),
        ([NEW], 0.0),
        ([OLD], None),
        ([OLD, OLD, NEW, NEW], 2.0),
        ([OLD, NEW, OLD, NEW], 3.0),
        ([NEW, NEW, OLD], None),
        (["", NEW, "-", NEW], 3.0),
        ([NEW, "-"], None),
        ([f"{OLD} {NEW}", NEW], 1.0),
    ],
)
def test_answers_settle_when_they_become_right_for_good(said: list[str], since: float | None) -> None:
    assert timeline.settles(row(*said), RIGHT) == since


@given(rows())
def test_before_it_settles_something_is_wrong_and_afterwards_nothing(answers: list[Answer]) -> None:
    since = timeline.settles(answers, RIGHT)
    if since is None:
        assert not answers or difference(RIGHT, answers[-1])
        return
    wrong = timeline.deviations(answers, RIGHT)
    assert all(answer.sent < since for answer in wrong)
    assert since == 0.0 or wrong[-1].sent == since - 1  # the answer before was wrong


def returns(answers: list[Answer]) -> list[Answer]:
    """Those in which the old address is back."""
    return timeline.returns(answers, timeline.sightings(answers).get(OLD, []))


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ([OLD, NEW, NEW], []),
        ([OLD, NEW, OLD, NEW], [2.0]),
        ([OLD, NEW, OLD, OLD], [2.0, 3.0]),
        ([OLD, "", OLD], [2.0]),
        ([OLD, "-", OLD], []),  # silence says nothing about the address
        ([OLD, "!", OLD], []),  # nor does SERVFAIL
        ([OLD, "-", NEW, "-", OLD], [4.0]),
        ([NEW, OLD, OLD], []),  # it came, which is not coming back
        ([f"{OLD} {NEW}", OLD], []),
        (["-", ""], []),
    ],
)
def test_an_address_returns_when_it_had_gone(said: list[str], at: list[float]) -> None:
    assert [answer.sent for answer in returns(row(*said))] == at


def test_what_was_on_its_way_at_the_same_time_has_not_returned() -> None:
    # Seen on a busy machine: three questions waited in connections of their own, and came after the fourth.
    first, slow, quick = seen(OLD, at=0.0), replace(seen(NEW, at=1.0), seconds=0.1), seen(OLD, at=1.05)
    assert returns([first, slow, quick]) == []
    late = seen(OLD, at=1.2)
    assert returns([first, slow, quick, late]) == [late]


def test_what_may_have_come_after_an_answer_without_it_had_not_been_gone() -> None:
    slow, without, later = replace(seen(OLD, at=0.0), seconds=0.3), seen(NEW, at=0.1), seen(OLD, at=0.4)
    assert returns([slow, without, later]) == []


@given(rows())
def test_what_returns_was_sighted_before_it_was_gone(answers: list[Answer]) -> None:
    returned = returns(answers)
    sighted = {number for some in timeline.sightings(answers).get(OLD, []) for number in some}
    spoken = [number in sighted for number, one in enumerate(answers) if one.decisive]
    first, last = (spoken.index(True), len(spoken) - spoken[::-1].index(True)) if any(spoken) else (0, 0)
    assert bool(returned) is not all(spoken[first:last])
    assert set(returned) <= {answers[number] for number in sighted}


@given(rows(), rows())
def test_what_has_returned_stays_on_record(early: list[Answer], later: list[Answer]) -> None:
    assert returns(early + later)[: len(returns(early))] == returns(early)


def test_an_address_is_sighted_in_any_spelling() -> None:
    answer = seen("fd00:0:0:0:0:0:0:1", question=Question(WEB.name, "AAAA"))
    assert timeline.sightings([silent(0.0), answer]) == {"fd00::1": [range(1, 2)]}


def test_a_deviation_is_none_of_what_is_right() -> None:
    answers = row(OLD, NEW, "", "-")
    assert timeline.deviations(answers, exactly([OLD]), RIGHT) == answers[2:]
    assert timeline.deviations(answers, no_such_name()) == [answers[0], answers[1], answers[3]]


@pytest.mark.parametrize(
    ("answers", "seconds", "held"),
    [
        ([], 0.0, False),
        (row(NEW), 0.0, True),
        (row(OLD, NEW, NEW, NEW), 2.0, True),
        (row(OLD, NEW, NEW, NEW), 2.1, False),
        (row(NEW, NEW, NEW, OLD), 0.0, False),
        (row(NEW, NEW, NEW, "-"), 0.0, False),
        (row(NEW, NEW, NEW) + row(OLD, NEW, server=DNS_1), 1.0, False),
        (row(NEW, NEW, NEW) + row(OLD, NEW, NEW, server=DNS_1), 1.0, True),
    ],
)
def test_the_right_answer_holds_when_every_lane_gave_it_long_enough(
    answers: list[Answer], seconds: float, held: bool
) -> None:
    holding = timeline.Holding({WEB: RIGHT})
    for answer in answers:
        holding.add([answer])
    assert holding.lasts(timeline.lanes(answers).keys(), seconds) is held


def test_what_was_said_before_the_start_says_nothing() -> None:
    holding = timeline.Holding({WEB: RIGHT}, start=2.0)
    holding.add(row(NEW, NEW, NEW, NEW))
    lane = Lane(WEB, "dns-0", "udp")
    assert (holding.lasts([lane], 1.0), holding.lasts([lane], 1.1)) == (True, False)
    assert holding.last_asked(lane) == 3.0


def test_what_was_hardly_asked_has_not_held() -> None:
    # Seen on a busy machine: of what was right and wrong in turns, two right answers came half a second apart.
    lane = Lane(WEB, "dns-0", "udp")
    holding = timeline.Holding({WEB: RIGHT}, gap=0.25)
    holding.add([seen(NEW, at=0.0), seen(NEW, at=4.0), seen(NEW, at=8.0)])
    assert (holding.lasts([lane], 0.5), holding.lasts([lane], 0.625)) == (True, False)
    holding.add([seen(NEW, at=8.125)])
    assert holding.lasts([lane], 0.625)


def test_a_lane_that_was_not_asked_does_not_hold() -> None:
    holding = timeline.Holding({WEB: RIGHT})
    holding.add(row(NEW, NEW))
    unasked = Lane(WEB, "dns-0", "tcp")
    assert not holding.lasts([Lane(WEB, "dns-0", "udp"), unasked], 0.0)
    assert holding.last_asked(unasked) == 0.0


def test_equal_answers_in_a_row_become_one_line() -> None:
    answers = [seen(NEW, OLD, at=10.0), seen(OLD, NEW, at=10.05), silent(10.1), seen(rcode="NXDOMAIN", at=10.15)]
    shared = {"name": WEB.name, "type": "A", "server": "dns-0", "transport": "udp"}
    assert timeline.as_data(answers) == [
        shared
        | {"from": 10.0, "to": 10.05, "since": 10.001, "came": 10.051, "asks": 2, "said": f"NOERROR {OLD} {NEW}"},
        shared | {"from": 10.1, "to": 10.1, "since": 10.101, "came": 10.101, "asks": 1, "said": "no answer within 2 s"},
        shared | {"from": 10.15, "to": 10.15, "since": 10.151, "came": 10.151, "asks": 1, "said": "NXDOMAIN"},
    ]


def test_of_many_records_those_are_told_that_are_others_than_before() -> None:
    many = [f"10.0.1.{number}" for number in range(1, 21)]
    said = [many, many, [*many[1:], OLD], many[1:], [OLD] * 20, [OLD]]
    lines = timeline.as_data(seen(*some, at=float(at)) for at, some in enumerate(said))
    assert [(line["asks"], line["said"]) for line in lines] == [
        (2, f"NOERROR {' '.join(sorted(many))}"),
        (1, f"NOERROR as before, with {OLD}, without 10.0.1.1"),
        (1, f"NOERROR as before, without {OLD}"),
        (1, f"NOERROR {' '.join([OLD] * 20)}"),
        (1, f"NOERROR {OLD}"),
    ]


@given(rows(), rows())
def test_no_ask_is_lost_and_neighbours_differ(first: list[Answer], second: list[Answer]) -> None:
    second = [seen(*[one.rdata for one in answer.records], at=answer.sent, server=DNS_1) for answer in second]
    data = timeline.as_data(first + second)
    assert sum(line["asks"] for line in data) == len(first) + len(second)
    assert [line["from"] for line in data] == sorted(line["from"] for line in data)
    for server in ("dns-0", "dns-1"):
        lane = [line for line in data if line["server"] == server]
        assert all(one["said"] != other["said"] for one, other in pairwise(lane))
        assert all(one["to"] < other["from"] for one, other in pairwise(lane))


@given(rows(), st.randoms(use_true_random=False))
def test_the_order_in_which_answers_arrive_does_not_matter(answers: list[Answer], chance: random.Random) -> None:
    shuffled = list(answers)
    chance.shuffle(shuffled)
    assert timeline.as_data(shuffled) == timeline.as_data(answers)
