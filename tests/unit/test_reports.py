"""All reports of a run: they can be made again, and have what was judged when a run was killed."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from conformance_schema import read_report
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.reports import write_all
from kube_dns_conformance.reports.github import append_step_summary
from kube_dns_conformance.results import FILE, REPORTS, Result, Verdict, Writer
from reports_samples import CHECK, HEAD, MUST, SIX, result, with_evidence

LINES = 6
"""Of a run of three tests: its head twice, without its cluster and with it, a line for each test, and the end."""


def write_run(directory: Path) -> list[str]:
    """A run of three tests, all conformant. Returns its lines."""
    tests = {f"a::{one}": one for one in SIX[:3]}
    head = {key: value for key, value in HEAD.items() if key != "cluster"} | {"selected": tests}
    writer = Writer(directory)
    writer.begin(head)
    writer.begin(head | {"cluster": HEAD["cluster"]})
    for test, requirement in tests.items():
        writer.add(Result(requirement, test, Verdict.CONFORMANT, "", "", 1.9e9, 1.0, {"checks": [CHECK]}))
    writer.end(1900000009.0, interrupted=False)
    return (directory / FILE).read_text().splitlines(keepends=True)


def said_by_each(directory: Path) -> dict[str, tuple[str, bool, int]]:
    """Of every report: the outcome, whether the run is complete, and how many requirements are conformant."""
    document = read_report(directory / "conformance.yaml")
    core = document["profiles"][0]["counts"]["conformant"]
    suite = ET.parse(directory / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    passed = sum(all(one.tag == "properties" for one in case) for case in suite.iter("testcase"))
    (outcome,) = [
        one.get("value") or "" for one in suite.findall("properties/property") if one.get("name") == "outcome"
    ]
    metrics = (directory / "metrics.prom").read_text()
    (said,) = re.findall(r'run_outcome\{outcome="(\w+)"\} 1\.0', metrics)
    summary = (directory / "summary.md").read_text()
    results = [json.loads(one.read_text())["status"] for one in (directory / "allure-results").glob("*-result.json")]
    environment = (directory / "allure-results" / "environment.properties").read_text()
    (heading,) = re.findall(r"^# . Kubernetes DNS conformance: (\w+)$", summary, re.MULTILINE)
    page = (directory / "index.html").read_text()
    (title,) = re.findall(r"<h1>. Kubernetes DNS conformance: (\w+)</h1>", page)
    return {
        "index.html": (title, "did not reach its end" not in page, page.count('data-state="is-conformant"')),
        "conformance.yaml": (document["outcome"], document["complete"], core),
        "junit.xml": (outcome, "did not reach its end" not in ET.tostring(suite, "unicode"), passed),
        "metrics.prom": (
            said,
            "run_complete 1.0" in metrics,
            len(re.findall(r'requirement_verdict.*"conformant"', metrics)),
        ),
        "summary.md": (heading, "did not reach its end" not in summary, summary.count("<summary>✅")),
        "allure-results": (
            re.findall(r"^outcome=(\w+)$", environment, re.MULTILINE)[0],
            "unknown" not in results,
            results.count("passed"),
        ),
    }


@pytest.mark.parametrize("line", range(1, LINES + 1))
@pytest.mark.parametrize("part", ["", "half", "but its end of line"])
def test_every_report_of_a_killed_run_has_what_was_judged_and_says_partial(
    line: int, part: str, tmp_path: Path
) -> None:
    """Cut after ``line`` lines, and a part of the next one."""
    lines = write_run(tmp_path)
    assert len(lines) == LINES
    following = lines[line] if line < LINES else ""
    whole = line + (part == "but its end of line" and line < LINES)
    cut = {"": "", "half": following[: len(following) // 2], "but its end of line": following[:-1]}[part]
    (tmp_path / FILE).write_text("".join(lines[:line]) + cut)
    write_all(tmp_path)
    judged = min(max(whole - 2, 0), 3)
    said = said_by_each(tmp_path)
    if whole == LINES:
        assert set(said.values()) == {("success", True, 3)}
    else:
        # Allure has no word for the run but the outcome: when all its tests were judged, none of them is missing.
        assert said.pop("allure-results") == ("partial", judged == 3, judged)
        assert set(said.values()) == {("partial", False, judged)}


@pytest.mark.parametrize("cut", [0.0, 0.5, 0.99])
def test_of_a_run_that_was_killed_in_its_first_line_nothing_is_made(cut: float, tmp_path: Path) -> None:
    first = write_run(tmp_path)[0]
    (tmp_path / FILE).write_text(first[: int(cut * len(first))])
    with pytest.raises(UsageError, match=r"results\.jsonl holds no run"):
        write_all(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_went_wrong_before_a_run_was_killed_is_in_every_report(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.begin(HEAD | {"selected": {"a::test_it": MUST, "a::test_other": SIX[0]}})
    writer.add(result(Verdict.NONCONFORMANT, "NONCONFORMANT x: wrong", "a::test_it", evidence={"checks": [CHECK]}))
    write_all(tmp_path)
    said = said_by_each(tmp_path)
    assert {outcome for outcome, _, _ in said.values()} == {"failure"}
    assert not any(complete for _, complete, _ in said.values())
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file() and path.name != FILE]
    assert sum("NONCONFORMANT x: wrong" in text for text in texts) == 5  # metrics have no texts


@pytest.mark.parametrize("text", ["", "garbage\n", "[1]\n", '{"a": 1}\n'])
def test_what_holds_no_run_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError, match=r"results\.jsonl holds no run"):
        write_all(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    ("head", "results"),
    [
        ({"selected": {"a::test_it": "future.requirement"}}, []),
        ({}, [Result("future.requirement", "a::test_it", Verdict.CONFORMANT)]),
    ],
)
def test_a_run_of_another_version_is_refused(head: dict[str, Any], results: list[Result], tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.begin(HEAD | {"version": "9.0.0"} | head)
    for one in results:
        writer.add(one)
    with pytest.raises(
        UsageError, match=r"judges 'future\.requirement', which .*\n  hint: kube-dns-conformance 9\.0\.0"
    ):
        write_all(tmp_path)


def test_reports_can_be_made_again(tmp_path: Path) -> None:
    def bytes_of_all() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    writer = Writer(tmp_path)
    writer.begin(HEAD)
    writer.add(with_evidence("x"))
    write_all(tmp_path)
    first = bytes_of_all()
    assert {*first, "allure-results"} == {FILE, *REPORTS}
    write_all(tmp_path)
    assert bytes_of_all() == first


def test_the_summary_is_appended_to_that_of_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path)
    results = write_all(tmp_path)
    step = tmp_path / "step.md"
    step.write_text("of the step before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    assert append_step_summary(results) == ""
    assert step.read_text() == "of the step before\n" + (tmp_path / "summary.md").read_text()


def test_what_a_step_has_already_leaves_less_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path)
    results = write_all(tmp_path)
    step = tmp_path / "step.md"
    step.write_text("x" * (1024 * 1024 - 1000))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    for _ in range(2):
        append_step_summary(results)
        assert step.stat().st_size <= 1024 * 1024
    assert "more parts would not fit here" in step.read_text()


def test_without_the_variable_nothing_is_appended_and_a_wrong_one_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path)
    results = write_all(tmp_path)
    before = sorted(tmp_path.iterdir())
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert append_step_summary(results) == ""
    assert sorted(tmp_path.iterdir()) == before
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "such.md"))
    assert append_step_summary(results) == (
        f"cannot append to GITHUB_STEP_SUMMARY, {tmp_path}/no/such.md: No such file or directory"
    )
