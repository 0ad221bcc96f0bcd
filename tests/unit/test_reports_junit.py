"""JUnit XML: right counts, the requirement as properties, and XML whatever a server says."""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given

from kube_dns_conformance.reports import junit
from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.text import printable
from reports_samples import HEAD, HOSTILE, MUST, SOUP, every_verdict, result, with_evidence


def suite(results: Results, directory: Path) -> ET.Element:
    junit.write(results, directory / "junit.xml")
    (found,) = ET.parse(directory / "junit.xml").getroot().iter("testsuite")
    return found


def test_junit_counts_each_verdict_in_its_place(tmp_path: Path) -> None:
    found = suite(every_verdict(), tmp_path)
    assert {name: found.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "1",
        "errors": "2",
        "skipped": "3",
    }
    outcomes = {
        case.get("name"): [(one.tag, one.get("type")) for one in case if one.tag != "properties"]
        for case in found.iter("testcase")
    }
    assert outcomes == {
        "conformant": [],
        "nonconformant": [("failure", "nonconformant")],
        "unknown": [("error", "unknown")],
        "unsupported": [("skipped", "unsupported")],
        "skipped": [("skipped", "skipped")],
        "not run": [("skipped", "not run")],
        "reaches its end": [("error", "not complete")],
    }


def test_junit_says_why_a_test_was_skipped_and_that_the_run_is_partial(tmp_path: Path) -> None:
    results = Results(HEAD | {"selected": {"t": MUST}}, [], ended_by="interrupted by SIGTERM")
    found = suite(results, tmp_path)
    (skipped,) = found.iter("skipped")
    assert skipped.get("message") == "the run ended before this test: interrupted by SIGTERM"
    (error,) = found.iter("error")
    assert error.get("message") == "the run is partial, it did not reach its end: interrupted by SIGTERM"


def test_junit_has_no_error_for_a_run_that_reached_its_end(tmp_path: Path) -> None:
    found = suite(Results(HEAD, [result(Verdict.CONFORMANT)], complete=True), tmp_path)
    assert (found.get("tests"), found.get("errors")) == ("1", "0")


def test_junit_has_the_requirement_and_the_run_as_properties(tmp_path: Path) -> None:
    found = suite(Results(HEAD, [result(Verdict.CONFORMANT)], complete=True), tmp_path)
    (case,) = found.iter("testcase")
    assert {one.get("name"): one.get("value") for one in case.iter("property")} == {
        "requirement": MUST,
        "level": "MUST",
        "profile": "core",
        "section": "2.4.1",
        "verdict": "conformant",
    }
    assert {one.get("name"): one.get("value") for one in found.findall("properties/property")} == {
        "outcome": "success",
        "run": "12ab34cd",
        "version": "0.1.0",
        "implementation": "coredns 1.14.7",
        "kubernetes": "1.37.2",
        "provider": "embedded",
        "zone": "cluster.local",
        "command": "kube-dns-conformance run --cluster embedded",
    }


def test_junit_has_the_first_line_as_message_and_the_whole_text_below(tmp_path: Path) -> None:
    (failure,) = suite(every_verdict(), tmp_path).iter("failure")
    assert failure.get("message") == "nonconformant because"
    assert failure.text == "nonconformant because\n  detail"


def test_junit_names_a_test_alike_in_every_run(tmp_path: Path) -> None:
    found = suite(Results(HEAD, [result(Verdict.CONFORMANT, test="/tmp/x/suites/a.py::test_it[A]")], True), tmp_path)
    (case,) = found.iter("testcase")
    assert (case.get("classname"), case.get("name"), case.get("time")) == (MUST, "test_it[A]", "1.5")
    assert found.get("timestamp") == "2030-03-17T17:46:40"


@pytest.mark.parametrize("text", HOSTILE)
def test_junit_stays_xml_whatever_a_server_says(text: str, tmp_path: Path) -> None:
    head = HEAD | {"cluster": HEAD["cluster"] | {"kubernetes": text, "zone": text}, "command": text}
    found = suite(Results(head, [with_evidence(text)], ended_by=text), tmp_path)
    assert all((one.get("value") or "").isprintable() for one in found.iter("property") if "\n" not in text)
    (failure,) = found.iter("failure")
    assert failure.get("type") == "nonconformant"
    assert (failure.get("message") or "").isprintable()


@given(SOUP)
def test_junit_says_the_whole_text(text: str) -> None:
    whole = f"NONCONFORMANT {text}"
    with tempfile.TemporaryDirectory() as directory:
        (failure,) = suite(Results(HEAD, [result(Verdict.NONCONFORMANT, whole)]), Path(directory)).iter("failure")
    assert failure.text == printable(whole)
