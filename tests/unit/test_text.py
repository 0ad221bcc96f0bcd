"""Text from elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance.text import last_line, printable


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
