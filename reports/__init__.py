"""The reports: each a pure function of ``results.jsonl``, so that they can be made again, also after a killed run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kube_dns_conformance.errors import ReportError, UsageError
from kube_dns_conformance.reports import allure, allure3, conformance, junit, metrics, pages, summary
from kube_dns_conformance.reports.compared import Comparison
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import FILE, Results, read
from kube_dns_conformance.upgrade.upgraded import Upgraded


def write_all(directory: Path) -> Results:
    """Make every report of a report directory. Raises UsageError when it holds no run, or one of another version."""
    results = _run_in(directory)
    judged = [*(one.requirement for one in results.results), *results.run.get("selected", {}).values()]
    if strange := [name for name in judged if name not in catalogue()]:
        version = results.run.get("version", "another version")
        raise UsageError(
            f"{directory / FILE} judges {strange[0]!r}, which the catalogue of this version does not have",
            f"kube-dns-conformance {version} made it, and can make its reports",
        )
    junit.write(results, directory / "junit.xml")
    allure.write(results, directory / "allure-results")
    _put(directory / "conformance.yaml", conformance.text(results))
    _put(directory / "metrics.prom", metrics.text(results))
    _put(directory / "summary.md", summary.markdown(results))
    _put(directory / "index.html", pages.of_run(results))
    return results


def _run_in(directory: Path) -> Results:
    results = read(directory)
    if not results.run:
        raise UsageError(f"{directory / FILE} holds no run")
    return results


def write_side_by_side(directories: Sequence[Path], path: Path) -> None:
    """Make one page of several report directories, or of one. Raises UsageError when it cannot be written."""
    runs, names = [read(one) for one in directories], list(map(str, directories))
    _put_there(path, pages.side_by_side(runs, names) if len(runs) > 1 else pages.of_run(runs[0]))


def compare(before: Path, after: Path) -> Comparison:
    """Compare the runs of two report directories. Raises UsageError when one holds no run."""
    return Comparison(_run_in(before), _run_in(after))


def write_allure(directories: Sequence[Path], path: Path, history: Path | None = None) -> None:
    """Make one page with Allure 3, of the newest of several runs; those before it are its history.

    Args:
        directories: report directories, in any order: each run says when it began.
        path: the HTML file to write.
        history: a file that keeps what is known of all runs, to be read and written, for when the directories are gone.

    Raises:
        UsageError: a file cannot be read or written, or there is no Node.js.
        ToolchainError: Allure could not be installed.
        ReportError: Allure made no report.
    """
    runs = sorted((read(one) for one in directories), key=lambda one: float(one.run["started"]))
    known = allure3.history.joined(allure3.history.read(history) if history else [], runs)
    _put_there(path, allure3.html(runs[-1], known))
    if history:
        _put_there(history, allure3.history.text(known))


def _put_there(path: Path, content: str) -> None:
    """Write it where the user wants it. Raises UsageError when it cannot be written."""
    try:
        _put(path, content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def write_upgrade(path: Path, outcome: Mapping[str, Any], upgraded: Upgraded, before: Results, after: Results) -> None:
    """Make the page of an upgrade. Raises ReportError when it cannot be written."""
    try:
        _put(path, pages.of_upgrade(outcome, upgraded, before, after))
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror}") from None


def _put(path: Path, content: str) -> None:
    """Write it so that whoever reads at this moment sees the old or the new file, never half of it."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(content, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
