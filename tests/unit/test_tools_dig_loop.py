"""What dig has seen in a node, and whether a watch has seen the same."""

from __future__ import annotations

import pytest

from tools.dig_loop import Window, asked, disagreements, gaps, told, watched, windows

LOG = """
100.0 0 10.96.0.5
100.2 9
100.6 9
100.4 0 10.96.0.6
100.8 0 10.96.0.5
101.0 0
103.0 0 10.96.0.5
103.2 9
103.6 9
""".strip().splitlines()


def test_a_window_is_from_the_first_question_without_the_right_answer_to_the_first_one_with_it() -> None:
    # In the order of asking, and what lasts until the end ends with the last question.
    assert list(windows(asked(LOG, "10.96.0.5"))) == [Window(100.2, 100.8), Window(101.0, 103.0), Window(103.2, 103.6)]


def test_who_was_always_told_the_right_thing_has_none() -> None:
    assert list(windows(asked(LOG[:1], "10.96.0.5"))) == []
    assert list(windows([])) == []


def test_a_watch_has_the_same_windows_whatever_the_causes_and_where_it_did_not_ask_for_a_moment() -> None:
    rows = [
        {"from": 0.0, "to": 0.5, "state": "right"},
        {"from": 1.0, "to": 1.5, "state": "no answer"},
        {"from": 2.0, "to": 5.0, "state": "missing"},
        {"from": 6.5, "to": 7.0, "state": "missing"},
        {"from": 7.5, "to": 9.0, "state": "right"},
    ]
    assert watched(rows) == [Window(1.0, 7.5)]


@pytest.mark.parametrize(
    ("some", "others"),
    [
        ([], []),
        ([Window(10.0, 15.0)], [Window(10.25, 14.75)]),
        ([Window(10.0, 15.0), Window(20.0, 30.0)], [Window(10.0, 15.0), Window(20.0, 30.0)]),
        ([Window(10.0, 11.25)], []),  # there it may have been less than is compared
    ],
)
def test_these_saw_the_same(some: list[Window], others: list[Window]) -> None:
    assert disagreements(some, others, 0.25) == []


@pytest.mark.parametrize(
    ("some", "others", "wrong"),
    [
        ([Window(10.0, 15.0)], [], ["5.00 s from 10.00"]),
        ([], [Window(10.0, 15.0)], ["5.00 s from 10.00"]),
        ([Window(10.0, 15.0)], [Window(10.5, 15.0)], ["5.00 s from 10.00", "4.50 s from 10.50"]),
        ([Window(10.0, 40.0)], [Window(10.0, 40.0), Window(50.0, 75.0)], ["25.00 s from 50.00"]),
    ],
)
def test_these_did_not(some: list[Window], others: list[Window], wrong: list[str]) -> None:
    assert disagreements(some, others, 0.25) == wrong


def test_who_did_not_ask_saw_nothing() -> None:
    assert gaps([(101.0, True), (101.5, False)], 100.0, 104.0) == 2.5
    assert gaps([(90.0, True)], 100.0, 104.0) == 4.0


def test_it_is_told_when_it_was_and_for_how_long() -> None:
    assert told([Window(103.0, 105.5), Window(106.0, 106.5)], 100.0) == "2.50 s at +3.00 s without an answer"
    assert told([], 100.0) == "none without an answer"
