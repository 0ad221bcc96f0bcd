"""The budget of an upgrade: its defaults, its file, and what is no budget."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.upgrade.budget import Budget, load, parse


def test_by_default_no_lie_is_allowed_and_five_seconds_of_anything_else() -> None:
    assert load("") == Budget(5.0, {"wrong": 0.0, "missing": 0.0, "stale": 0.0, "NXDOMAIN": 0.0})


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "budget.toml"
    path.write_text("longest = 12.5\n[total]\ntimeout = 30\nNXDOMAIN = 1\n")
    total = {"wrong": 0.0, "missing": 0.0, "stale": 0.0, "NXDOMAIN": 1.0, "timeout": 30.0}
    assert load(str(path)) == Budget(12.5, total)


def test_what_is_kept_with_a_watch_is_read_again() -> None:
    budget = Budget(3.0, {"wrong": 0.0, "missing": 0.0, "stale": 0.0, "NXDOMAIN": 0.0, "refused": 2.0})
    assert parse(budget.as_data(), "watch.jsonl") == budget


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("longest = -1", "longest is a number of seconds from 0 on, below 86400"),
        ("longest = true", "longest is a number of seconds from 0 on, below 86400"),
        ('longest = "5s"', "longest is a number of seconds from 0 on, below 86400"),
        ("[total]\ntimeout = nan", "timeout is a number of seconds from 0 on, below 86400"),
        ("shortest = 1", "there is no 'shortest'"),
        ("total = 5", "total is a table"),
        ("[total]\nNODATA = 5", "'NODATA' is no cause"),
        ("longest = ", "is not valid TOML"),
    ],
)
def test_what_is_no_budget_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "budget.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load(str(path))
    assert caught.value.message.startswith(f"--budget {path}")
    assert said in caught.value.message
    assert "\n" not in caught.value.message


def test_the_documented_example_is_one() -> None:
    total = {"wrong": 0.0, "missing": 0.0, "stale": 0.0, "NXDOMAIN": 0.0, "timeout": 20.0}
    assert load(str(Path(__file__).parents[2] / "docs" / "budget.toml")) == Budget(10.0, total)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(str(tmp_path / "nowhere"))
    assert caught.value.message == f"cannot read --budget {tmp_path / 'nowhere'}: No such file or directory"
