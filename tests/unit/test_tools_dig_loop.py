"""What dig has seen in a node, and whether a watch has seen the same."""

from __future__ import annotations

import pytest

from kube_dns_conformance.upgrade.seen import Spell, Track
from tools.dig_loop import Window, difference, longest, told, watched, windows

LOG = """
100.0 0 10.96.0.5 
100.2 9 ;; communications error to 10.96.0.10#53: connection refused ;; no servers could be reached 
100.6 9 ;; no servers could be reached 
100.4 0 10.96.0.6 
100.8 0 10.96.0.5 
101.0 0 
103.0 0 10.96.0.5 
103.2 9 ;; no servers could be reached 
""".strip("\n").splitlines()  # fmt: skip  # noqa: W291


def test_a_window_is_from_the_first_question_without_the_right_answer_to_the_first_one_with_it() -> None:
    # In the order of asking; what had not come to its end yet is none.
    assert windows(LOG, "10.96.0.5") == [Window(100.2, 100.8), Window(101.0, 103.0)]


def test_spells_that_follow_each_other_are_one_window() -> None:
    spells = [Spell("refused", 1.0, 2.0, ""), Spell("timeout", 2.0, 5.5, ""), Spell("timeout", 7.0, 8.0, "")]
    assert watched(Track(0.0, 9.0, spells=spells)) == [Window(1.0, 5.5), Window(7.0, 8.0)]


def test_what_lasted_less_than_a_second_is_not_compared() -> None:
    assert longest(windows(LOG, "10.96.0.5")) == Window(101.0, 103.0)
    assert longest([Window(1.0, 1.9)]) is None
    assert longest([]) is None


@pytest.mark.parametrize(
    ("one", "other", "seconds"),
    [
        (Window(1.0, 5.0), Window(1.25, 5.0), 0.25),
        (Window(1.0, 5.0), Window(1.25, 5.5), 0.5),
        (None, None, 0.0),
        (None, Window(1.0, 2.0), float("inf")),
        (Window(1.0, 2.0), None, float("inf")),
    ],
)
def test_windows_differ_by_what_is_farther_apart(one: Window | None, other: Window | None, seconds: float) -> None:
    assert difference(one, other) == seconds


def test_it_is_told_when_it_was_and_for_how_long() -> None:
    assert told("dig", Window(103.0, 105.5), 100.0) == "dig 2.50 s from +3.00 s"
    assert told("dig", None, 100.0) == "dig none"
