"""All reports of a run: whole after a run that was killed, and free of secrets and of what a server wants to do."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.reports import write_all
from kube_dns_conformance.results import FILE, Verdict, Writer
from reports_samples import HEAD, MUST, result, with_evidence


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
