"""The reports: each a pure function of ``results.jsonl``, so that they can be made again, also after a killed run."""

from __future__ import annotations

from pathlib import Path

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.reports import allure, junit, summary
from kube_dns_conformance.results import FILE, Results, read


def write_all(directory: Path) -> Results:
    """Make every report of a report directory. Raises UsageError when it holds no run."""
    results = read(directory)
    if not results.run:
        raise UsageError(f"{directory / FILE} holds no run")
    junit.write(results, directory / "junit.xml")
    allure.write(results, directory / "allure-results")
    (directory / "summary.md").write_text(summary.markdown(results), encoding="utf-8")
    return results
