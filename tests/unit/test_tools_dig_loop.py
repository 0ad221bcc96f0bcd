"""What dig has seen in a node, and whether a watch has seen the same."""

from __future__ import annotations

import pytest

from tools.dig_loop import Asked, Window, asked, differences, disagreements, excused, gaps, told, watched, windows

RIGHT = "web.shop.svc.cluster.local. 30 IN A 10.96.0.5 ;; Query time: 125000 usec ;; SERVER: 10.96.0.10#53(10.96.0.10)"
OTHER = RIGHT.replace("10.96.0.5", "10.96.0.6")
NONE = ";; Query time: 500000 usec ;; SERVER: 10.96.0.10#53(10.96.0.10)"
SILENT = ";; communications error to 10.96.0.10#53: timed out ;; no servers could be reached"


def test_what_dig_wrote_says_when_it_asked_what_came_and_how_unsure_that_is() -> None:
    lines = [
        f"101.0 101.5 0 {OTHER}\t",
        f"100.0 100.25 0 {RIGHT}\t",
        f"102.0 104.25 9 {SILENT}\t104.5 104.75 0 {RIGHT}\t",
        f"103.0 105.0 9 {SILENT}\t105.0 107.5 9 {SILENT}\t",
        f"104.0 104.5 0 {NONE}\t",
        "105.0 105.25 9 ;; communications error to 10.96.0.10#53: connection refused\t",
    ]
    assert asked(lines, "10.96.0.5", 2.0) == [
        Asked(100.0, 100.25, is_right=True, unsure=0.125),
        Asked(101.0, 101.5, is_right=False, unsure=0.375),
        Asked(102.0, 104.75, is_right=True, unsure=0.125),  # by its second try
        Asked(103.0, float("inf"), is_right=False, unsure=0.0),
        Asked(104.0, 104.5, is_right=False, unsure=0.0),
        Asked(105.0, float("inf"), is_right=False, unsure=0.0),
    ]


def seen(*asked: tuple[float, float | None]) -> list[Asked]:
    return [Asked(at, at if came is None else came, is_right=came is not None, unsure=0.125) for at, came in asked]


def test_a_window_knows_when_a_right_answer_came_to_a_question_of_later() -> None:
    # The one from 102 was asked again at 104, and is answered no sooner than the one that was asked then.
    some = seen((100.0, 100.0), (101.0, None), (102.0, 104.25), (103.0, None), (104.0, 104.0), (105.0, 105.0))
    assert list(windows(some)) == [Window(101.0, 102.0, 104.0, 0.125), Window(103.0, 104.0, 104.0, 0.125)]


def test_there_may_be_several_and_what_lasts_until_the_end_ends_with_the_last_question() -> None:
    some = seen((100.0, None), (100.5, 100.5), (101.0, None), (103.0, 103.0), (103.5, None), (104.0, None))
    assert list(windows(some)) == [
        Window(100.0, 100.5, 100.5, 0.125),
        Window(101.0, 103.0, 103.0, 0.125, flaps=100.0),
        Window(103.5, 104.0, 104.0, 0.125),
    ]


def test_it_flaps_from_the_first_of_short_ones_that_follow_each_other() -> None:
    right_but = {100.0, 100.5, 101.0, 101.25, 101.5, 101.75}
    some = seen(*((at / 4, None if at / 4 in right_but else at / 4) for at in range(396, 410)))
    assert [(one.start, one.since) for one in windows(some)] == [(100.0, 100.0), (100.5, 100.0), (101.0, 100.0)]
    long_before = seen((95.0, None), (95.25, 95.25), (100.0, None), (100.25, 100.25))
    assert [(one.start, one.since) for one in windows(long_before)] == [(95.0, 95.0), (100.0, 100.0)]


def test_who_was_always_told_the_right_thing_has_none() -> None:
    assert list(windows(seen((100.0, 100.0), (101.0, 103.0)))) == []
    assert list(windows([])) == []


def test_a_watch_has_the_same_windows_whatever_the_causes_and_where_it_did_not_ask_for_a_moment() -> None:
    rows = [
        {"from": 0.0, "to": 0.5, "since": 0.0, "state": "right"},
        {"from": 1.0, "to": 1.5, "since": 5.0, "state": "no answer"},
        {"from": 2.0, "to": 5.0, "since": 2.0, "state": "missing"},
        {"from": 6.5, "to": 7.0, "since": 6.5, "state": "missing"},
        {"from": 7.5, "to": 9.0, "since": 9.5, "state": "right"},
        {"from": 9.25, "to": 9.5, "since": 9.25, "state": "right"},
    ]
    assert watched(rows) == [Window(1.0, 7.5, 9.25)]


def window(start: float, end: float, unsure: float = 0.0) -> Window:
    """With a first try that succeeded in the end."""
    return Window(start, end, end, unsure)


@pytest.mark.parametrize(
    ("some", "others"),
    [
        ([], []),
        ([window(10.0, 15.0)], [window(10.25, 14.75)]),
        ([window(10.0, 15.0), window(20.0, 30.0)], [window(10.0, 15.0), window(20.0, 30.0)]),
        ([window(10.0, 11.25)], []),  # there it may have been less than is compared
        ([window(10.0, 15.0)], [window(10.5, 15.5, unsure=0.25)]),
        ([window(10.0, 15.0)], [Window(11.0, 15.0, 15.0, flaps=10.0)]),  # which happened to ask the other replica
        ([Window(10.0, 13.0, 15.0)], [Window(10.0, 14.0, 15.0)]),  # of second tries one came later than the other
    ],
)
def test_these_saw_the_same(some: list[Window], others: list[Window]) -> None:
    assert disagreements(some, others, 0.25) == []


@pytest.mark.parametrize(
    ("some", "others", "wrong"),
    [
        ([window(10.0, 15.0)], [], ["5.00 s from 10.00"]),
        ([], [window(10.0, 15.0)], ["5.00 s from 10.00"]),
        ([window(10.0, 15.0)], [window(10.5, 15.0)], ["5.00 s from 10.00", "4.50 s from 10.50"]),
        ([window(10.0, 15.0)], [window(10.0, 16.0, unsure=3.0)], ["5.00 s from 10.00", "6.00 s from 10.00"]),
        ([window(10.0, 15.0)], [Window(11.0, 15.0, 15.0, flaps=10.5)], ["5.00 s from 10.00", "4.00 s from 11.00"]),
        ([Window(10.0, 14.0, 15.0)], [window(10.0, 14.0)], ["4.00 s from 10.00", "4.00 s from 10.00"]),
        ([window(10.0, 40.0)], [window(10.0, 40.0), window(50.0, 75.0)], ["25.00 s from 50.00"]),
    ],
)
def test_these_did_not(some: list[Window], others: list[Window], wrong: list[str]) -> None:
    assert disagreements(some, others, 0.25) == wrong


def test_it_is_told_how_far_they_are_apart() -> None:
    some = [window(10.0, 15.0), window(20.0, 20.5), window(30.0, 40.0)]
    others = [window(30.25, 39.875, unsure=0.5), window(9.5, 15.0)]
    assert list(differences(some, others)) == [
        "-0.50 s, +0.00 s, unsure by 0.00 s",
        "+0.25 s, -0.12 s, unsure by 0.50 s",
    ]
    assert list(differences(some, [])) == []


def test_a_dig_that_is_late_may_have_missed_the_beginning_by_as_much() -> None:
    # It should have asked again 0.2 s after the last right answer, and did after 0.45 s: so may it have begun.
    some = excused(seen((100.0, 100.0), (100.45, None), (100.65, None), (103.0, 103.0)))
    assert [one.unsure for one in some] == pytest.approx([0.125, 0.25, 0.125, 2.15])
    watch = [window(100.05, 103.0)]
    assert disagreements(watch, [*windows([*some[:3], some[3]._replace(unsure=0.0)])], 0.25) == []
    assert disagreements(watch, [window(100.45, 103.0, unsure=0.125)], 0.25) != []


def test_who_did_not_ask_saw_nothing() -> None:
    assert gaps(seen((101.0, 101.0), (101.5, None)), 100.0, 104.0) == 2.5
    assert gaps(seen((90.0, 90.0)), 100.0, 104.0) == 4.0


def test_it_is_told_when_it_was_and_for_how_long() -> None:
    assert told([window(103.0, 105.5), window(106.0, 106.5)], 100.0) == "2.50 s at +3.00 s without an answer"
    assert told([], 100.0) == "none without an answer"
