"""Allure results: its own words for our verdicts, and ids that stay from run to run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kube_dns_conformance.reports import allure
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from reports_samples import CHECK, FEATURE, HEAD, HOSTILE, MUST, SEGMENT, changed, result, with_evidence


def allure_results(results: Results, directory: Path) -> list[dict[str, Any]]:
    allure.write(results, directory)
    return [json.loads(file.read_text()) for file in sorted(directory.glob("*-result.json"))]


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.CONFORMANT, "passed"),
        (Verdict.NONCONFORMANT, "failed"),
        (Verdict.UNKNOWN, "broken"),
        (Verdict.UNSUPPORTED, "skipped"),
        (Verdict.SKIPPED, "skipped"),
    ],
)
def test_allure_calls_a_verdict_by_its_own_word(verdict: Verdict, status: str, tmp_path: Path) -> None:
    (found,) = allure_results(Results(HEAD, [result(verdict, "first\n  second")]), tmp_path)
    assert found["status"] == status
    assert found["statusDetails"] == {"message": "first", "trace": "first\n  second"}


@pytest.mark.parametrize(
    ("requirement", "labels"),
    [
        (
            MUST,
            {
                "requirement": MUST,
                "level": "MUST",
                "profile": "core",
                "section": "2.4.1",
                "severity": "critical",
                "epic": "core",
                "feature": "headless",
                "story": MUST,
            },
        ),
        (
            FEATURE,
            {
                "requirement": FEATURE,
                "level": "MUST",
                "profile": "extended",
                "section": "2.4.1",
                "severity": "critical",
                "epic": "extended",
                "feature": "StatefulSetNames",
                "story": FEATURE,
            },
        ),
    ],
)
def test_allure_is_told_what_a_test_is_about(requirement: str, labels: dict[str, str], tmp_path: Path) -> None:
    (found,) = allure_results(Results(HEAD, [Result(requirement, "a::test_it", Verdict.CONFORMANT)]), tmp_path)
    assert {label["name"]: label["value"] for label in found["labels"]} == labels
    assert found["description"] == catalogue()[requirement].sentence


def test_allure_shows_times_and_a_readable_name(tmp_path: Path) -> None:
    (found,) = allure_results(Results(HEAD, [result(Verdict.CONFORMANT, test="a::test_it_is_so[A]")]), tmp_path)
    assert (found["name"], found["fullName"]) == ("test it is so[A]", "a::test_it_is_so[A]")
    assert (found["start"], found["stop"]) == (1900000001000, 1900000002500)


def test_allure_knows_a_test_again_in_the_next_run(tmp_path: Path) -> None:
    first = Results(HEAD, [result(Verdict.CONFORMANT), result(Verdict.CONFORMANT, test="a::other")], complete=True)
    second = Results(HEAD | {"run": "ffffffff"}, [result(Verdict.NONCONFORMANT, "NONCONFORMANT kdc-ffffffff")])
    (again,) = allure_results(second, tmp_path / "2")
    before = {one["fullName"]: one for one in allure_results(first, tmp_path / "1")}
    assert again["historyId"] == before["suites/a.py::test_it"]["historyId"] != before["a::other"]["historyId"]
    assert again["testCaseId"] == before["suites/a.py::test_it"]["testCaseId"]
    assert again["uuid"] != before["suites/a.py::test_it"]["uuid"]


def test_allure_has_the_evidence_as_attachments_and_the_environment(tmp_path: Path) -> None:
    evidence = {"checks": [CHECK], "before": []}
    (found,) = allure_results(Results(HEAD, [result(Verdict.CONFORMANT, evidence=evidence)]), tmp_path)
    (attachment,) = found["attachments"]
    assert (attachment["name"], attachment["type"]) == ("checks", "application/json")
    assert json.loads((tmp_path / attachment["source"]).read_text()) == [CHECK]
    assert (tmp_path / "environment.properties").read_text().splitlines() == [
        "implementation=coredns 1.14.7",
        "kubernetes=1.37.2",
        "provider=embedded",
        "ip.families=ipv4",
        "capabilities=ipv4",
        "zone=cluster.local",
        "outcome=partial",
        "run=12ab34cd",
        "kube-dns-conformance=0.1.0",
        "command=kube-dns-conformance run --cluster embedded",
    ]


def test_allure_shows_a_timeline_as_a_picture(tmp_path: Path) -> None:
    stale = changed([SEGMENT | {"state": "stale"}])
    evidence = {"checks": [], "changes": [stale, changed([]), stale]}
    (found,) = allure_results(Results(HEAD, [result(Verdict.NONCONFORMANT, evidence=evidence)]), tmp_path)
    assert [(one["name"], one["type"]) for one in found["attachments"]] == [
        ("change 1", "image/svg+xml"),
        ("change 3", "image/svg+xml"),
        ("changes", "application/json"),
    ]
    drawn = next(one["source"] for one in found["attachments"] if one["name"] == "change 1")
    assert (tmp_path / drawn).read_text().startswith("<svg ")


def test_what_is_in_the_environment_stays_one_value(tmp_path: Path) -> None:
    cluster = HEAD["cluster"] | {"kubernetes": "1.37\nzone=evil\\ü😀\x1b"}
    allure.write(Results(HEAD | {"cluster": cluster}, []), tmp_path)
    lines = (tmp_path / "environment.properties").read_text().splitlines()
    assert lines[1] == r"kubernetes=1.37\u000azone=evil\\\u00fc\ud83d\ude00\\x1b"
    assert [line for line in lines if line.startswith("zone=")] == ["zone=cluster.local"]


CATEGORY = {
    Verdict.NONCONFORMANT: "Nonconformant: DNS said something untrue, or nothing usable",
    Verdict.UNKNOWN: "Unknown: could not be judged",
    Verdict.UNSUPPORTED: "Unsupported by the cluster, or skipped",
    Verdict.NOT_RUN: "Not run: the run ended before",
}


def categories(found: dict[str, Any], directory: Path, match: Callable[..., object]) -> list[str]:
    """Where Allure puts a result: the status is one of these, and the message matches."""
    message = found.get("statusDetails", {}).get("message", "")
    return [
        one["name"]
        for one in json.loads((directory / "categories.json").read_text())
        if found["status"] in one["matchedStatuses"] and match(one.get("messageRegex", ".*"), message, re.DOTALL)
    ]


@pytest.mark.parametrize("match", [re.fullmatch, re.search])
@pytest.mark.parametrize(
    ("verdict", "message", "category"),
    [
        (Verdict.NONCONFORMANT, "NONCONFORMANT a.b (2.4.1, MUST): x", CATEGORY[Verdict.NONCONFORMANT]),
        (Verdict.UNKNOWN, "UNKNOWN a.b: situation x did not settle: not so within 3 s", CATEGORY[Verdict.UNKNOWN]),
        (Verdict.UNKNOWN, "UNKNOWN a.b: KeyError: 'spec'", "Bench: an error of this suite, not of the cluster"),
        (Verdict.UNSUPPORTED, "unsupported: needs ipv6", CATEGORY[Verdict.UNSUPPORTED]),
        (Verdict.NOT_RUN, "the run ended before this test", CATEGORY[Verdict.NOT_RUN]),
    ],
)
def test_allure_puts_every_result_into_one_category(
    verdict: Verdict, message: str, category: str, match: Callable[..., object], tmp_path: Path
) -> None:
    (found,) = allure_results(Results(HEAD, [result(verdict, message)]), tmp_path)
    assert categories(found, tmp_path, match) == [category]


def test_allure_results_of_an_earlier_report_are_replaced(tmp_path: Path) -> None:
    allure_results(Results(HEAD, [result(Verdict.CONFORMANT)]), tmp_path)
    assert len(allure_results(Results(HEAD, [result(Verdict.CONFORMANT)]), tmp_path)) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_allure_results_can_be_written_and_read_whatever_a_server_says(text: str, tmp_path: Path) -> None:
    (found,) = allure_results(Results(HEAD, [with_evidence(text)]), tmp_path)
    assert found["statusDetails"]["message"].isprintable()
