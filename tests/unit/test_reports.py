"""The reports: right counts, nothing mixed up, and nothing that a server says is obeyed by whoever shows it."""

from __future__ import annotations

import json
import re
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.reports import allure, junit, summary, write_all
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import FILE, Result, Results, Verdict, Writer
from kube_dns_conformance.text import printable

MUST = "headless.address.ipv4"
FEATURE = "statefulset.names.own-address"
HEAD = {
    "run": "12ab34cd",
    "version": "0.1.0",
    "started": 1900000000.0,
    "timings": {"answer": 2.0, "stable": 3},
    "cluster": {
        "provider": "embedded",
        "kubernetes": "1.37.2",
        "zone": "cluster.local",
        "dns": [{"name": "dns-0", "host": "127.0.0.1", "port": 5300}],
        "capabilities": ["ipv4"],
    },
}
CHECK = {
    "expected": "10.0.0.1",
    "differs": "missing 10.0.0.1",
    "name": "web.shop.svc.cluster.local.",
    "type": "A",
    "server": "dns-0",
    "address": "127.0.0.1:5300",
    "transport": "udp",
    "sent": 1.0,
    "milliseconds": 0.5,
    "rcode": "NOERROR",
    "answer": ["5 A 10.0.0.2"],
}
SEGMENT = {
    "name": "web.shop.svc.cluster.local.",
    "type": "A",
    "server": "dns-0",
    "transport": "udp",
    "from": 100.0,
    "to": 101.5,
    "asks": 31,
    "said": "NOERROR 10.0.0.2",
}
HOSTILE = [
    "\x00\x01\x08\x0b\x0c\x1b\x7f\x85",
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m",
    "<script>alert(1)</script> &amp; ]]> <!-- -->",
    "```\n# heading\n````\n| a | b |\n|---|---|",
    "~~~\n> quote\n- list\n1. item\n    code",
    "| pipes | and \\| more |\\",
    "[link](javascript:alert(1)) ![image](http://x/y) <http://auto.link> **bold** _em_ `code`",
    "\ufffe\uffff\ud800 lone surrogate, \u202e bidi, \u2028 line",
    "first line\r\n\r\nsecond\n\n\nthird",
    "```" * 40,
]
SOUP = st.text("`~|\\<>&[](){}*_#!-=\n\r\t\x00\x1b\u2028\ud800 ab1", max_size=40)


def result(verdict: Verdict, text: str = "", test: str = "suites/a.py::test_it", **more: Any) -> Result:
    return Result(MUST, test, verdict, text.split("\n", maxsplit=1)[0], text, 1900000001.0, 1.5, **more)


def with_evidence(text: str) -> Result:
    """A result in which a server had its hand in every place that it can reach."""
    said = [f"5 TXT {text}"]
    check = CHECK | {"name": text, "expected": text, "answer": said}
    silent = CHECK | {"problem": text, "rcode": None}
    found = {"checks": [check, silent], "timeline": [SEGMENT | {"said": text, "name": text}]}
    return result(Verdict.NONCONFORMANT, f"NONCONFORMANT x: {text}", evidence=found)


def every_verdict() -> Results:
    """One test of each verdict, each of a requirement of its own; the last was not run."""
    verdicts = [one for one in Verdict if one is not Verdict.NOT_RUN]
    tests = dict(zip(map(str, Verdict), catalogue(), strict=False))
    results = [
        Result(tests[one], one, one, f"{one} because", f"{one} because\n  detail", 1.9e9, 0.5) for one in verdicts
    ]
    return Results(HEAD | {"selected": tests}, results)


def suite(results: Results, directory: Path) -> ET.Element:
    junit.write(results, directory / "junit.xml")
    (found,) = ET.parse(directory / "junit.xml").getroot().iter("testsuite")
    return found


def tokens(results: Results) -> list[Token]:
    """The summary as GitHub reads it."""
    parsed = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(summary.markdown(results))
    return [one for token in parsed for one in (token, *(token.children or ()))]


def allure_results(results: Results, directory: Path) -> list[dict[str, Any]]:
    allure.write(results, directory)
    return [json.loads(file.read_text()) for file in sorted(directory.glob("*-result.json"))]


def test_junit_counts_each_verdict_in_its_place(tmp_path: Path) -> None:
    found = suite(every_verdict(), tmp_path)
    assert {name: found.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "1",
        "errors": "2",
        "skipped": "2",
    }
    outcomes = {case.get("name"): [(one.tag, one.get("type")) for one in case] for case in found.iter("testcase")}
    assert outcomes == {
        "conformant": [],
        "nonconformant": [("failure", "nonconformant")],
        "unknown": [("error", "unknown")],
        "unsupported": [("skipped", "unsupported")],
        "skipped": [("skipped", "skipped")],
        "not run": [("error", "not run")],
    }


def test_junit_has_the_first_line_as_message_and_the_whole_text_below(tmp_path: Path) -> None:
    (failure,) = suite(every_verdict(), tmp_path).iter("failure")
    assert failure.get("message") == "nonconformant because"
    assert failure.text == "nonconformant because\n  detail"


def test_junit_names_a_test_alike_in_every_run(tmp_path: Path) -> None:
    found = suite(Results(HEAD, [result(Verdict.CONFORMANT, test="/tmp/x/suites/a.py::test_it[A]")]), tmp_path)
    (case,) = found.iter("testcase")
    assert (case.get("classname"), case.get("name"), case.get("time")) == (MUST, "test_it[A]", "1.5")
    assert found.get("timestamp") == "2030-03-17T17:46:40"


@pytest.mark.parametrize("text", HOSTILE)
def test_junit_stays_xml_whatever_a_server_says(text: str, tmp_path: Path) -> None:
    (failure,) = suite(Results(HEAD, [with_evidence(text)]), tmp_path).iter("failure")
    assert failure.get("type") == "nonconformant"
    assert (failure.get("message") or "").isprintable()


@given(SOUP)
def test_junit_says_the_whole_text(text: str) -> None:
    whole = f"NONCONFORMANT {text}"
    with tempfile.TemporaryDirectory() as directory:
        (failure,) = suite(Results(HEAD, [result(Verdict.NONCONFORMANT, whole)]), Path(directory)).iter("failure")
    assert failure.text == printable(whole)


def test_the_summary_says_what_was_judged_and_where() -> None:
    counts = "1 nonconformant, 1 unknown, 1 conformant, 1 unsupported, 1 skipped, 1 not run"
    lines = summary.markdown(every_verdict()).splitlines()
    assert lines[:3] == [
        "# Kubernetes DNS conformance: failure",
        "",
        f"{counts}. **The run did not reach its end.**",
    ]
    assert lines[4:9] == [
        "- Kubernetes 1.37.2, embedded cluster, zone `cluster.local`",
        "- asked: dns-0 127.0.0.1:5300",
        "- capabilities: ipv4",
        "- time limits (seconds; stable: rounds): answer 2, stable 3",
        "- run 12ab34cd, kube-dns-conformance 0.1.0",
    ]


def test_the_summary_says_what_ended_the_run() -> None:
    text = summary.markdown(Results(HEAD | {"selected": {"t": MUST}}, [], ended_by="interrupted by SIGTERM"))
    assert "1 not run. **The run did not reach its end: interrupted by SIGTERM**" in text.splitlines()


def test_the_summary_has_one_row_for_each_requirement() -> None:
    rows = [line for line in summary.markdown(every_verdict()).splitlines() if re.match(r"\| [✅❌❔➖]", line)]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| ❌ nonconformant", "`clusterip.address.ipv4`"],
        ["| ❔ unknown", "`clusterip.address.ipv6`"],
        ["| ✅ conformant", "`clusterip.srv.named-port`"],
        ["| ➖ unsupported", "`headless.address.ipv4`"],
        ["| ➖ skipped", "`headless.address.ipv6`"],
        ["| ➖ not run", "`headless.address.no-ready-endpoint`"],
    ]


def test_the_summary_shows_the_worst_first_with_what_was_asked_and_got() -> None:
    found = {"checks": [CHECK], "timeline": [SEGMENT]}
    good = result(Verdict.CONFORMANT, test="a::test_good")
    bad = result(Verdict.NONCONFORMANT, "NONCONFORMANT x\n  got y", "a::test_bad", evidence=found)
    text = summary.markdown(Results(HEAD, [good, bad], complete=True))
    assert text.index("test\\_bad") < text.index("test\\_good")
    assert "```\nNONCONFORMANT x\n  got y\n```\n" in text
    assert "| web.shop.svc.cluster.local. A | 127.0.0.1:5300/udp | 10.0.0.1 | NOERROR 10.0.0.2 |\n" in text
    assert "| 0.00 s | 1.50 s | 31 | dns-0/udp | web.shop.svc.cluster.local. A | NOERROR 10.0.0.2 |\n" in text


@pytest.mark.parametrize(("rows", "more"), [(12, False), (13, True), (400, True)])
def test_the_summary_stays_readable_with_much_evidence(rows: int, more: bool) -> None:
    found = {"checks": [CHECK] * rows, "timeline": [SEGMENT] * rows}
    text = summary.markdown(Results(HEAD, [result(Verdict.CONFORMANT, evidence=found)], complete=True))
    assert text.count("| web.shop.svc.cluster.local. A | 127.0.0.1:5300/udp |") == 12
    assert text.count(f"| … {rows - 12} more in results.jsonl |") == (2 if more else 0)


SHAPE = (
    *("heading_open", "table_open", "tr_open", "th_open", "td_open", "fence", "code_block", "code_inline"),
    *("html_inline", "html_block", "link_open", "image", "strong_open", "em_open", "s_open", "hr"),
    *("blockquote_open", "bullet_list_open", "ordered_list_open", "list_item_open", "paragraph_open"),
)


def shape(results: Results) -> dict[str, int]:
    kinds = [token.type for token in tokens(results)]
    return {kind: kinds.count(kind) for kind in SHAPE if kind in kinds}


@pytest.mark.parametrize("text", HOSTILE)
def test_the_summary_keeps_its_shape_whatever_a_server_says(text: str) -> None:
    assert shape(Results(HEAD, [with_evidence(text)])) == shape(Results(HEAD, [with_evidence("x")]))


@given(SOUP)
def test_the_summary_keeps_its_shape_for_any_text(text: str) -> None:
    assert shape(Results(HEAD, [with_evidence(text)])) == shape(Results(HEAD, [with_evidence("x")]))


@given(SOUP)
def test_a_fence_holds_the_whole_text(text: str) -> None:
    (found,) = [token.content for token in tokens(Results(HEAD, [with_evidence(text)])) if token.type == "fence"]
    assert found == printable(f"NONCONFORMANT x: {text}") + "\n"


def test_a_very_long_answer_is_shortened_in_the_table() -> None:
    text = summary.markdown(Results(HEAD, [with_evidence("web-0.shop. " * 1000)]))
    assert max(len(line) for line in text.splitlines() if line.startswith("|")) < 2000


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
    evidence = {"checks": [CHECK], "timeline": []}
    (found,) = allure_results(Results(HEAD, [result(Verdict.CONFORMANT, evidence=evidence)]), tmp_path)
    (attachment,) = found["attachments"]
    assert (attachment["name"], attachment["type"]) == ("checks", "application/json")
    assert json.loads((tmp_path / attachment["source"]).read_text()) == [CHECK]
    assert (tmp_path / "environment.properties").read_text() == (
        "kubernetes=1.37.2\nprovider=embedded\nzone=cluster.local\n"
    )


def test_allure_results_of_an_earlier_report_are_replaced(tmp_path: Path) -> None:
    allure_results(Results(HEAD, [result(Verdict.CONFORMANT)]), tmp_path)
    assert len(allure_results(Results(HEAD, [result(Verdict.CONFORMANT)]), tmp_path)) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_allure_results_can_be_written_and_read_whatever_a_server_says(text: str, tmp_path: Path) -> None:
    (found,) = allure_results(Results(HEAD, [with_evidence(text)]), tmp_path)
    assert found["statusDetails"]["message"].isprintable()


@pytest.mark.parametrize("part", [0.5, 0.6, 0.8, 0.95, 1.0])
def test_a_killed_run_still_reports(part: float, tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.begin(HEAD | {"selected": {f"a::{one}": MUST for one in range(3)}})
    for one in range(3):
        writer.add(result(Verdict.CONFORMANT, test=f"a::{one}"))
    writer.end(1900000009.0, interrupted=False)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: int(part * len(whole))])
    write_all(tmp_path)
    said = (tmp_path / "summary.md").read_text().splitlines()[0]
    assert said == f"# Kubernetes DNS conformance: {'success' if part == 1.0 else 'partial'}"
    ET.parse(tmp_path / "junit.xml")
    assert (tmp_path / "allure-results" / "environment.properties").is_file()


@pytest.mark.parametrize("text", ["", "garbage\n", "[1]\n", '{"a": 1}\n'])
def test_what_holds_no_run_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError, match=r"results\.jsonl holds no run"):
        write_all(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_reports_can_be_made_again(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.begin(HEAD)
    writer.add(with_evidence("x"))
    write_all(tmp_path)
    first = [(tmp_path / name).read_bytes() for name in ("junit.xml", "summary.md", FILE)]
    write_all(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("junit.xml", "summary.md", FILE)] == first
