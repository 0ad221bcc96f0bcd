"""`report`: the reports of runs made again, and several runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kube_dns_conformance.results import REPORTS, Result, Verdict, Writer
from reports_samples import HEAD, HOSTILE, MUST, result
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


def test_two_runs_are_compared_and_nothing_is_written_but_the_page(tmp_path: Path) -> None:
    old, new = run_in(tmp_path / "old", Verdict.CONFORMANT), run_in(tmp_path / "new", Verdict.NONCONFORMANT)
    page = tmp_path / "compared.html"
    done = command("report", "--compare", str(old), str(new), f"--html={page}")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        f"nonconformant: {MUST}",
        "worse: 1 newly nonconformant, 0 newly conformant, 0 not judged any more, 0 judged again",
    ]
    assert ">Newly nonconformant</h3>" in page.read_text()
    assert [one.name for one in (*old.iterdir(), *new.iterdir())] == ["results.jsonl"] * 2
    assert command("report", "--compare", str(new), str(old)).returncode == 0


def test_programs_can_compare_two_runs(tmp_path: Path) -> None:
    old, new = run_in(tmp_path / "old", Verdict.CONFORMANT), run_in(tmp_path / "new", Verdict.UNKNOWN)
    done = command("report", str(old), str(new), "--compare", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["outcome"], found["lost"]) == (3, "could not tell", {MUST: ""})


def test_what_is_hostile_is_shown_in_the_terminal_and_on_the_page(tmp_path: Path) -> None:
    old, new, page = run_in(tmp_path / "old", Verdict.CONFORMANT), tmp_path / "new", tmp_path / "compared.html"
    writer = Writer(new)
    text = "".join(HOSTILE)
    writer.begin(HEAD | {"cluster": HEAD["cluster"] | {"kubernetes": text}})
    writer.add(Result(text, "a", Verdict.NONCONFORMANT, f"NONCONFORMANT {text}".replace("\n", " ")))
    writer.end(1900000009.0, interrupted=False)
    done = command("report", "--compare", str(old), str(new), f"--html={page}", PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("NONCONFORMANT \\x00\\x01")
    assert all(one.isprintable() or one == "\n" for one in done.stdout)
    assert page.read_text().count("<script>") == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--compare"], "--compare takes two report directories, and no --allure"),
        (["--compare", "other", "third"], "--compare takes two report directories, and no --allure"),
        (["--compare", "other", "--allure=x.html"], "--compare takes two report directories, and no --allure"),
        (["other", "--json"], "--json goes with --compare"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(arguments: list[str], why: str, tmp_path: Path) -> None:
    done = command("report", str(run_in(tmp_path / "run", Verdict.CONFORMANT)), *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"ERROR: {why}\n")


def test_a_directory_without_a_run_is_not_compared(tmp_path: Path) -> None:
    run, empty = run_in(tmp_path / "run", Verdict.CONFORMANT), tmp_path / "empty"
    empty.mkdir()
    (empty / "results.jsonl").touch()
    done = command("report", "--compare", str(run), str(empty))
    assert (done.returncode, done.stderr) == (2, f"ERROR: {empty / 'results.jsonl'} holds no run\n")
