"""Time limits from the command line."""

from __future__ import annotations

import pytest

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.timings import Timings, timings


def test_what_is_not_named_keeps_its_default() -> None:
    assert timings(["propagation=2.5", "stable=5"]) == Timings(propagation=2.5, stable=5)
    assert timings([]) == Timings()


def test_the_last_value_counts() -> None:
    assert timings(["hold=1", "hold=3"]).hold == 3.0


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "two", "1e9", "1 s", "86400"])
def test_a_value_that_is_no_sensible_number_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        timings([f"answer={text}"])
    assert str(caught.value) == f"--timing answer={text}: the value must be a positive number below 86400"


@pytest.mark.parametrize("text", ["2.5", "0", "-3"])
def test_rounds_are_a_whole_number(text: str) -> None:
    with pytest.raises(UsageError, match="must be a positive number"):
        timings([f"stable={text}"])


@pytest.mark.parametrize("setting", ["patience=3", "", "=3", "Answer=3"])
def test_an_unknown_name_lists_those_there_are(setting: str) -> None:
    with pytest.raises(UsageError) as caught:
        timings([setting])
    assert caught.value.message == f"there is no timing {setting.partition('=')[0]!r}"
    assert caught.value.hint == "there are answer, propagation, cache, ttl, settle, api, hold, away, late, slot, stable"


def test_every_limit_is_in_the_report() -> None:
    assert timings(["cache=1"]).as_data() == {
        "answer": 2.0,
        "propagation": 10.0,
        "cache": 1.0,
        "ttl": 60.0,
        "settle": 180.0,
        "api": 10.0,
        "hold": 1.5,
        "away": 1.0,
        "late": 30.0,
        "slot": 0.05,
        "stable": 3,
    }
