"""By which clock the times of an agent are told."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance.agent.batch import Head, Replies
from kube_dns_conformance.agent.clock import Clock, Course


def replies(began: float, ended: float, wall: float = 0.0, boot: str = "one") -> Replies:
    return Replies(Head(boot, began, wall), [], ended)


def test_the_agents_time_is_told_by_our_clock() -> None:
    clock = Clock()
    # Each leg takes 0.1 s; the agent's clock is 900 s behind ours, its node's time of day 50 s ahead.
    clock.learn(1000.0, 1002.2, replies(100.1, 102.1, wall=1050.1))
    assert clock.here(101.0) == pytest.approx(1001.0)
    assert clock.skew == pytest.approx(50.0)


def test_the_shortest_round_trip_tells_best() -> None:
    clock = Clock()
    clock.learn(1000.0, 1000.2, replies(100.1, 100.1))
    clock.learn(1001.0, 1005.0, replies(101.1, 101.1))  # held up on the way back
    assert clock.here(200.0) == pytest.approx(1100.0)
    clock.learn(1006.0, 1006.02, replies(106.02, 106.02))
    assert clock.here(200.0) == pytest.approx(1099.99)


def test_an_old_estimate_gives_way_to_a_worse_new_one() -> None:
    clock = Clock()
    clock.learn(1000.0, 1000.0, replies(100.0, 100.0))
    clock.learn(4600.0, 4600.2, replies(3700.4, 3700.4))  # after an hour the clocks may be 0.36 s apart
    assert clock.here(200.0) == pytest.approx(1099.7)


def test_a_node_that_was_started_anew_has_a_new_clock() -> None:
    clock = Clock()
    clock.learn(1000.0, 1000.0, replies(100.0, 100.0))
    clock.learn(1010.0, 1014.0, replies(5.0, 5.0, boot="two"))
    assert clock.here(5.0) == pytest.approx(1012.0)


def known(offset: float, error: float, clock: Clock | None = None, boot: str = "one") -> Clock:
    """That the agent's clock is so far behind ours, give or take ``error`` (seconds)."""
    clock = clock or Clock()
    clock.learn(1000.0 - error, 1000.0 + error, replies(1000.0 - offset, 1000.0 - offset, boot=boot))
    return clock


def told(course: Course, clock: Clock, *moments: float) -> list[float]:
    course.follow(clock)
    return [round(course.here(one), 6) for one in moments]


def test_what_was_later_is_not_told_to_be_earlier_because_the_clock_is_known_better() -> None:
    course, clock = Course(), known(900.5, 0.5)
    assert told(course, clock, 100.0, 100.1) == [1000.5, 1000.6]
    known(900.0, 0.1, clock)
    assert told(course, clock, 100.2, 100.3, 101.0) == [1000.6, 1000.6, 1001.0]
    # What was asked before and is answered only now is told as its neighbours were.
    assert told(course, clock, 100.05, 100.25, 101.1) == [1000.55, 1000.6, 1001.1]


def test_what_was_later_is_told_to_be_later_at_once_when_the_clock_is_known_better() -> None:
    course, clock = Course(), known(899.5, 0.5)
    assert told(course, clock, 100.0) == [999.5]
    known(900.0, 0.1, clock)
    assert told(course, clock, 100.02, 99.9) == [1000.02, 999.4]


def test_times_stay_in_order_when_another_process_goes_on_telling_them() -> None:
    course = Course()
    assert told(course, known(900.5, 0.5), 100.0) == [1000.5]
    other, clock = Course(), known(900.0, 0.1)
    other.go_on(str(course), clock)
    assert told(other, clock, 100.1, 99.9, 101.0) == [1000.5, 1000.4, 1001.0]


@pytest.mark.parametrize("clock", [known(300.0, 0.1), known(900.0, 0.1, boot="another")])
def test_another_process_does_not_go_on_by_a_clock_that_has_been_set_or_of_another_machine(clock: Clock) -> None:
    course, other = Course(), Course()
    assert told(course, known(900.5, 0.5), 100.0) == [1000.5]
    other.go_on(str(course), clock)
    assert told(other, clock, 99.9) == [round(clock.here(99.9), 6)]


def test_another_agents_times_are_not_before_those_of_the_one_before() -> None:
    course = Course()
    assert told(course, known(900.5, 0.5), 100.0) == [1000.5]
    assert told(course, known(10.0, 0.1, boot="another"), 990.3, 991.0) == [1000.5, 1001.0]


def test_nothing_that_nobody_has_told_is_gone_on_from() -> None:
    course = Course()
    course.go_on(str(Course()), clock := known(900.0, 0.1))
    assert told(course, clock, 100.0) == [1000.0]


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.lists(st.floats(0.0, 10.0), max_size=4)), min_size=1, max_size=80))
def test_times_are_in_order_and_as_exact_as_what_was_known_last(steps: list[tuple[float, list[float]]]) -> None:
    """The truth is an offset of 0. What is asked later may be answered sooner."""
    course, clock, said, worst, at = Course(), Clock(), {}, 0.0, 0.0
    for off, moments in steps:
        clock.learn(-1.0 + off, 1.0 + off, replies(0.0, 0.0))  # an error of 1.0, and it is not further off
        worst = max(worst, abs(clock.offset))
        course.follow(clock)
        for later in sorted(moments):
            said[at + later] = course.here(at + later)
        at += 5.0
    assert [said[one] for one in sorted(said)] == sorted(said.values())
    assert all(math.isclose(here, moment, abs_tol=worst + 1e-9) for moment, here in said.items())
