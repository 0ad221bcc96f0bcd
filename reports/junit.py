"""JUnit XML, for every CI system: a test case for each test, named so that the name is the same in every run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable


def write(results: Results, path: Path) -> None:
    """Write the file. Nonconformant is a failure, unknown and not run an error, the rest skipped."""
    suite = TestSuite("kube-dns-conformance")
    suite.timestamp = _timestamp(results)
    for result in results.results + results.not_run():
        suite.add_testcase(_case(result))
    document = JUnitXml()
    document.add_testsuite(suite)
    document.update_statistics()
    document.write(str(path), pretty=True)


def _case(result: Result) -> TestCase:
    case = TestCase(result.test.rpartition("::")[2], classname=result.requirement, time=result.seconds)
    if result.verdict is Verdict.CONFORMANT:
        return case
    kinds = {Verdict.NONCONFORMANT: Failure, Verdict.UNKNOWN: Error, Verdict.NOT_RUN: Error}
    outcome = kinds.get(result.verdict, Skipped)(printable(result.message), str(result.verdict))
    outcome.text = printable(result.detail)
    case.result = [outcome]
    return case


def _timestamp(results: Results) -> str:
    return datetime.fromtimestamp(results.run.get("started", 0), UTC).strftime("%Y-%m-%dT%H:%M:%S")
