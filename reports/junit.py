"""JUnit XML, for every CI system: a test case for each test, named so that the name is the same in every run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Properties, Property, Skipped, TestCase, TestSuite

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable


def write(results: Results, path: Path) -> None:
    """Write the file. Nonconformant is a failure, unknown an error, the rest skipped, with the reason.

    A run that did not reach its end is an error of its own: tests that were skipped would look as if all were well.
    """
    suite = TestSuite("kube-dns-conformance")
    suite.timestamp = _timestamp(results)
    for name, value in _facts(results).items():
        suite.add_property(name, printable(value))
    for result in results.results + results.not_run():
        suite.add_testcase(_case(result))
    if not results.complete:
        suite.add_testcase(_end(results))
    document = JUnitXml()
    document.add_testsuite(suite)
    document.update_statistics()
    document.write(str(path), pretty=True)


def _facts(results: Results) -> dict[str, str]:
    cluster = results.run.get("cluster", {})
    software = coverage.implementation(cluster)
    return {
        "outcome": results.outcome(),
        "run": results.run.get("run", ""),
        "version": results.run.get("version", ""),
        "implementation": ", ".join(f"{one['name']} {one['version']}" for one in software),
        "kubernetes": cluster.get("kubernetes", ""),
        "provider": cluster.get("provider", ""),
        "zone": cluster.get("zone", ""),
        "command": results.run.get("command", ""),
    }


def _case(result: Result) -> TestCase:
    case = TestCase(result.test.rpartition("::")[2], classname=result.requirement, time=result.seconds)
    one = catalogue()[result.requirement]
    facts = {"requirement": one.id, "level": one.level, "profile": one.profile, "section": one.section}
    case.append(_properties(facts | {"verdict": result.verdict}))
    if result.verdict is Verdict.CONFORMANT:
        return case
    kinds = {Verdict.NONCONFORMANT: Failure, Verdict.UNKNOWN: Error}
    outcome = kinds.get(result.verdict, Skipped)(printable(result.message), str(result.verdict))
    outcome.text = printable(result.detail)
    case.append(outcome)
    return case


def _end(results: Results) -> TestCase:
    case = TestCase("reaches its end", classname="run", time=0)
    why = f": {results.ended_by}" if results.ended_by else ""
    case.append(Error(printable(f"the run is {results.outcome()}, it did not reach its end{why}"), "not complete"))
    return case


def _properties(facts: Mapping[str, str]) -> Properties:
    properties = Properties()
    for name, value in facts.items():
        properties.add_property(Property(name, str(value)))
    return properties


def _timestamp(results: Results) -> str:
    return datetime.fromtimestamp(results.run.get("started", 0), UTC).strftime("%Y-%m-%dT%H:%M:%S")
