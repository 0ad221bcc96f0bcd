"""The reports: each a pure function of ``results.jsonl``, so that they can be made again, also after a killed run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.reports import allure, conformance, junit, metrics, pages, summary
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import FILE, Results, read


def write_all(directory: Path) -> Results:
    """Make every report of a report directory. Raises UsageError when it holds no run, or one of another version."""
    results = read(directory)
    if not results.run:
        raise UsageError(f"{directory / FILE} holds no run")
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


def write_side_by_side(directories: Sequence[Path], path: Path) -> None:
    """Make one page of several report directories, or of one. Raises UsageError when it cannot be written."""
    runs = [read(one) for one in directories]
    try:
        _put(path, pages.side_by_side(runs) if len(runs) > 1 else pages.of_run(runs[0]))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _put(path: Path, content: str) -> None:
    """Write it so that whoever reads at this moment sees the old or the new file, never half of it."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(content, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
