"""Annotations of a GitHub workflow: few, the worst first, and each is one command whatever a server says."""

from __future__ import annotations

import pytest
from hypothesis import given

from kube_dns_conformance.reports.github import workflow_commands
from kube_dns_conformance.results import Result, Results, Verdict
from reports_samples import HEAD, HOSTILE, MUST, SOUP, every_verdict, result


@pytest.fixture(autouse=True)
def workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")


def of(*results: Result) -> list[str]:
    return list(workflow_commands(Results(HEAD, list(results))))


def test_what_is_wrong_comes_before_what_could_not_be_judged() -> None:
    assert list(workflow_commands(every_verdict())) == [
        "::error title=clusterip.address.ipv4::nonconformant because",
        "::warning title=clusterip.address.ipv6::unknown because",
    ]


def test_nobody_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert list(workflow_commands(every_verdict())) == []


def test_the_same_is_told_once_and_no_more_than_github_shows() -> None:
    many = [result(Verdict.NONCONFORMANT, f"reason {number // 2}") for number in range(100)]
    assert of(*many) == [f"::error title={MUST}::reason {number}" for number in range(10)]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_within_one_command(text: str) -> None:
    one = Result(MUST, "a", Verdict.NONCONFORMANT, text)
    (line,) = of(one)
    assert line.startswith(f"::error title={MUST}::")
    assert line.isprintable()


@given(SOUP)
def test_it_can_be_read_back(text: str) -> None:
    (line,) = of(Result(MUST, "a", Verdict.NONCONFORMANT, f"50% {text.replace(chr(13), '')}"))
    assert len(line.splitlines()) == 1
    assert line.partition(f"{MUST}::")[2].startswith("50%25 ")
