"""What a client suffered, told from rows of answers that are spelt out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance.dns.compare import exactly, no_such_name
from kube_dns_conformance.dns.model import Answer
from kube_dns_conformance.outages import (
    Follow,
    Outage,
    State,
    Tally,
    Truth,
    cause,
    follow,
    longest,
    measured,
    outages,
    resolution,
    state,
    total,
)
from observations import row, rows, seen

OLD, NEW, FOREIGN = "10.0.0.1", "10.0.0.2", "192.0.2.66"
ALWAYS = Truth(((0.0, exactly([NEW])),))
CHANGED = Truth(((0.0, exactly([OLD])), (3.0, exactly([NEW]))))
"""From the fourth answer of a row on."""


@pytest.mark.parametrize(
    ("said", "found", "why"),
    [
        (NEW, State.RIGHT, "right"),
        (OLD, State.STALE, "stale"),
        (f"{OLD} {NEW}", State.STALE, "stale"),
        ("", State.MISSING, "NXDOMAIN"),
        (FOREIGN, State.WRONG, "wrong"),
        (f"{NEW} {FOREIGN}", State.WRONG, "wrong"),
        ("!", State.NO_ANSWER, "SERVFAIL"),
        ("-", State.NO_ANSWER, "timeout"),
    ],
)
def test_an_answer_after_a_change(said: str, found: State, why: str) -> None:
    answer = row("", "", "", "", said)[-1]
    assert (state(answer, CHANGED), cause(answer, found)) == (found, why)


def test_who_refuses_is_told_from_who_answers_garbage() -> None:
    refused, garbage = seen(problem="connection refused"), seen(problem="malformed answer of 3 bytes: ShortHeader")
    assert cause(refused, State.NO_ANSWER) == "refused"
    assert cause(garbage, State.NO_ANSWER) == "unusable"
    assert cause(seen(rcode="REFUSED"), State.NO_ANSWER) == "REFUSED"


def test_dns_may_know_of_a_change_before_it_is_noted_here() -> None:
    assert state(row(NEW)[0], CHANGED) is State.RIGHT


def test_a_name_that_is_still_denied_after_it_was_made_is_stale() -> None:
    made = Truth(((0.0, no_such_name()), (1.0, exactly([NEW]))))
    assert [state(one, made) for one in row("", "", NEW)] == [State.RIGHT, State.STALE, State.RIGHT]


def test_outages_end_with_the_next_answer_that_is_otherwise() -> None:
    assert outages(row(NEW, "-", "-", "!", NEW, "", ""), ALWAYS) == [
        Outage(State.NO_ANSWER, "timeout", 1.0, 3.0, 2),
        Outage(State.NO_ANSWER, "SERVFAIL", 3.0, 4.0, 1),
        Outage(State.MISSING, "NXDOMAIN", 5.0, 6.0, 2),
    ]


def test_the_longest_stretch_may_have_several_causes() -> None:
    answers = row(NEW, "-", "-", "!", NEW, "", NEW)
    assert longest(outages(answers, ALWAYS)) == 3.0
    assert total(outages(answers, ALWAYS)) == 4.0
    assert (longest(outages(row(NEW, NEW), ALWAYS)), total([])) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("said", "followed"),
    [
        ([OLD, OLD, OLD, NEW, NEW], Follow(0.0, 0.0, 0)),
        ([OLD, OLD, NEW, NEW, NEW], Follow(0.0, 0.0, 0)),
        ([OLD, OLD, OLD, OLD, OLD, NEW], Follow(2.0, 1.0, 0)),
        ([OLD, OLD, OLD, NEW, OLD, NEW, NEW], Follow(2.0, 1.0, 1)),
        ([OLD, OLD, OLD, NEW, "-", NEW, "", NEW], Follow(4.0, 0.0, 2)),
        ([OLD, OLD, OLD, OLD, OLD], Follow(None, 1.0, 0)),
        ([OLD, OLD, OLD, "", "", NEW], Follow(2.0, 0.0, 0)),
    ],
)
def test_how_a_change_was_followed(said: list[str], followed: Follow) -> None:
    assert follow(row(*said), CHANGED) == followed


def test_what_was_on_its_way_at_the_same_time_is_no_flap() -> None:
    right, slow = seen(NEW, at=4.0), replace(seen(OLD, at=3.9), seconds=0.5)
    assert follow([seen(NEW, at=3.5), slow, right], CHANGED).flaps == 1
    late = replace(seen(NEW, at=3.5), seconds=0.5)
    assert follow([late, seen(OLD, at=3.9), right], CHANGED).flaps == 0
    # The right answer before it had come, whatever the last one took.
    assert follow([seen(NEW, at=3.4), late, seen(OLD, at=3.9), right], CHANGED).flaps == 1
    assert follow([late, seen(OLD, at=3.9), seen(OLD, at=4.1), right], CHANGED).flaps == 1


@pytest.mark.parametrize(
    ("said", "at", "known"),
    [
        ([NEW, NEW, NEW], [3.0, 3.05, 9.0], 0.0),
        ([OLD, OLD, NEW, NEW], [2.9, 3.0, 3.2, 9.0], 0.2),
        ([OLD, OLD, NEW, NEW], [2.7, 3.0, 3.2, 9.0], 0.3),
        ([OLD, NEW, NEW], [2.9, 3.5, 9.0], 0.6),
        ([NEW, "-", "!", NEW], [3.0, 3.1, 3.5, 3.6], 0.4),
    ],
)
def test_how_exactly_a_change_is_known_is_how_far_apart_was_asked(
    said: list[str], at: list[float], known: float
) -> None:
    answers = [replace(one, sent=moment) for one, moment in zip(row(*said), at, strict=True)]
    assert resolution(answers, CHANGED) == pytest.approx(known)


def test_while_nobody_asked_nothing_is_said_to_have_changed() -> None:
    answers = [replace(one, sent=at) for one, at in zip(row(OLD, OLD, NEW, NEW), [2.9, 3.0, 33.0, 33.1], strict=True)]
    found = measured(answers, CHANGED, gap=0.5)
    assert (found["resolution"], found["unknown"], found["longest"]) == (0.1, 30.0, 30.0)
    found = measured(answers, CHANGED)
    assert (found["resolution"], found["unknown"], found["longest"]) == (30.0, 0.0, 30.0)


def test_nothing_can_follow_where_nothing_changed() -> None:
    with pytest.raises(ValueError, match="nothing changed"):
        follow(row(NEW), ALWAYS)


@given(rows())
def test_outages_cover_what_was_not_right_and_nothing_else(answers: list[Answer]) -> None:
    wrong = [one for one in answers if state(one, CHANGED) is not State.RIGHT]
    found = outages(answers, CHANGED)
    assert sum(one.asks for one in found) == len(wrong)
    assert all(any(one.start <= each.sent <= one.end for one in found) for each in wrong)
    assert 0.0 <= longest(outages(answers, CHANGED)) <= total(outages(answers, CHANGED))


@given(rows(), st.integers(0, 12))
def test_more_observing_never_makes_what_was_suffered_less(answers: list[Answer], cut: int) -> None:
    assert total(outages(answers[:cut], CHANGED)) <= total(outages(answers, CHANGED))
    assert longest(outages(answers[:cut], CHANGED)) <= longest(outages(answers, CHANGED))


@given(rows())
def test_what_appeared_for_good_stays(answers: list[Answer]) -> None:
    found = follow(answers, CHANGED)
    if found.appeared is not None:
        later = [one for one in answers if one.sent >= max(3.0, 3.0 + found.appeared)]
        assert all(state(one, CHANGED) is State.RIGHT for one in later)


@given(rows(), st.lists(st.sampled_from([0.1, 0.4, 2.0]), min_size=12, max_size=12))
def test_what_is_not_known_is_in_no_outage_and_all_else_is(answers: list[Answer], pauses: list[float]) -> None:
    """Rows with pauses in which nobody asked: as if each part between two of them were a row of its own."""
    at, parts = 0.0, [list[Answer]()]
    tally = Tally(gap=0.5)
    for one, pause in zip(answers, pauses, strict=False):
        at += pause
        moved = replace(one, sent=at)
        tally.add(moved, ALWAYS)
        if pause > 0.5:
            parts.append([])
        parts[-1].append(moved)
    assert tally.outages == [one for part in parts for one in outages(part, ALWAYS)]
