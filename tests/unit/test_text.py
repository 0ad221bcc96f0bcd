"""Text from elsewhere."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance.text import counted, in_order, last_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web.shop → 10.0.0.1\nünïcode 😀", "web.shop → 10.0.0.1\nünïcode 😀"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\rb\tc\x00d\x7fe\x85f", r"a\x0db\x09c\x00d\x7fe\x85f"),
        ("\u202egnp.exe\u2028\ufeff", r"\x202egnp.exe\x2028\xfeff"),
        ("\ud800\uffff", r"\xd800\xffff"),
    ],
)
def test_control_characters_are_shown_and_not_sent(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text("a \n\x00\x1b\x9b\u202e\ud800\U000e0001ü"))
def test_what_was_made_printable_is_and_stays_so(text: str) -> None:
    shown = printable(text)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("", ""),
        (" \n\n", ""),
        ("first\nlast\n \n", "last"),
        (" • Preparing nodes 📦 …\r\n", "Preparing nodes 📦"),
        ("a\x1b[31m", r"a\x1b[31m"),
        ("x" * 600, "x" * 500),
    ],
)
def test_the_last_line_of_what_a_program_said(said: str, line: str) -> None:
    assert last_line(said) == line


def test_addresses_are_ordered_by_number_and_names_before_them() -> None:
    wild = ["fd00::10", "10.0.0.10", "fd00::9", "10.0.0.9", "web.", "db."]
    assert in_order(wild) == ["db.", "web.", "10.0.0.9", "10.0.0.10", "fd00::9", "fd00::10"]


def test_numbers_in_names_are_ordered_by_their_size() -> None:
    wild = ["0 10 80 web-10.web.", "0 10 80 web-9.web.", "0 10 80 web-010.web.", "0 10 80 web.", "0 5 80 web-1.web."]
    assert in_order(wild) == [wild[4], wild[1], wild[2], wild[0], wild[3]]


@given(st.lists(st.text("a19.-\u0663") | st.just("1" * 5000)), st.randoms(use_true_random=False))
def test_there_is_one_order_of_any_text(texts: list[str], chance: random.Random) -> None:
    shuffled = list(texts)
    chance.shuffle(shuffled)
    assert in_order(shuffled) == in_order(texts)


def test_one_is_no_plural() -> None:
    assert [counted(number, "outage") for number in (0, 1, 2)] == ["0 outages", "1 outage", "2 outages"]
