"""`report`: the reports of runs made again, and several runs side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_dns_conformance.results import REPORTS, Verdict, Writer
from reports_samples import HEAD, MUST, result
from unit.test_cli_clusters import command


def run_in(directory: Path, verdict: Verdict) -> Path:
    writer = Writer(directory)
    writer.begin(HEAD | {"selected": {"a::test_it": MUST}})
    writer.add(result(verdict, "", "a::test_it"))
    writer.end(1900000009.0, interrupted=False)
    return directory


def test_all_reports_of_each_run_are_made_again_and_put_side_by_side(tmp_path: Path) -> None:
    old, new = run_in(tmp_path / "old", Verdict.CONFORMANT), run_in(tmp_path / "new", Verdict.NONCONFORMANT)
    page = tmp_path / "compared.html"
    done = command("report", str(old), str(new), f"--html={page}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1::2] == ["success: 1 conformant", "failure: 1 nonconformant"]
    assert done.stdout.splitlines()[-1] == f"wrote {page}"
    assert "1 requirement is not judged alike." in page.read_text()
    assert {one.name for one in new.iterdir()} == {"results.jsonl", *REPORTS}


def test_one_run_is_a_page_of_its_own(tmp_path: Path) -> None:
    run, page = run_in(tmp_path / "run", Verdict.CONFORMANT), tmp_path / "page.html"
    assert command("report", str(run), f"--html={page}").returncode == 0
    assert page.read_text() == (run / "index.html").read_text()


@pytest.mark.parametrize("where", ["nowhere/page.html", "run"])
def test_a_page_that_cannot_be_written_is_one_line(where: str, tmp_path: Path) -> None:
    run = run_in(tmp_path / "run", Verdict.CONFORMANT)
    done = command("report", str(run), f"--html={tmp_path / where}")
    assert done.returncode == 2
    assert done.stderr.startswith(f"ERROR: cannot write {tmp_path / where}: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [run]
