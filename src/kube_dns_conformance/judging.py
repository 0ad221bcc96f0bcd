"""`run`: the suites under pytest, with our own output and exit codes."""

from __future__ import annotations

import json
import os
import sys

import pytest

from kube_dns_conformance.console import Reporter
from kube_dns_conformance.errors import ExitCode
from kube_dns_conformance.progress import Output
from kube_dns_conformance.resources import folder
from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.run import report_directory

PYTEST_USAGE_ERROR = {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED}


def judge_cluster(arguments: list[str], report_dir: str, *, as_json: bool) -> int:
    """Run the suites with these pytest options. Returns the exit status of the process."""
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):  # meant for the user's own tests
        os.environ.pop(variable, None)
    directory = report_directory(report_dir)
    # Named now: by default a Console writes to what sys.stdout is later, which during a test is pytest's capture.
    output = sys.stderr if as_json else sys.stdout
    reporter = Reporter(Output(file=output, highlight=False, soft_wrap=True))
    status = pytest.main([f"--report-dir={directory}", *arguments, *pytest_options()], plugins=[reporter])
    reporter.finish(str(directory))
    if as_json:
        print(json.dumps(_summary(reporter.results, str(directory)), indent=2))  # noqa: T201
    return int(_exit_code(status, reporter))


def pytest_options() -> list[str]:
    """What has pytest run the suites as we want it to, whatever configuration is around."""
    suites = folder("suites")
    # Standard output stays ours during the tests: only sys-level capture leaves the terminal to the live table.
    own = ["-c", os.devnull, f"--rootdir={suites.parent}", "--noconftest", "--import-mode=importlib", "--capture=sys"]
    own += ["-p", "kube_dns_conformance.plugin", "-p", "no:terminal", "-p", "no:cacheprovider", "--strict-markers"]
    return [*own, str(suites)]


def _exit_code(status: int, reporter: Reporter) -> ExitCode:
    if status in PYTEST_USAGE_ERROR:
        return ExitCode.USAGE
    if status == pytest.ExitCode.INTERRUPTED:
        return ExitCode.INTERRUPTED if not reporter.problems else ExitCode.COULD_NOT_JUDGE
    if reporter.problems or status == pytest.ExitCode.INTERNAL_ERROR:
        return ExitCode.COULD_NOT_JUDGE
    return reporter.results.exit_code()


def _summary(results: Results, directory: str) -> dict[str, object]:
    return {
        "outcome": results.outcome(),
        "report": directory,
        "requirements": results.by_requirement(),
        "messages": [result.message for result in results.results if result.verdict in Verdict.bad()],
    }
