"""The page that Allure 3 makes: how its program is found, installed and called, and what it is told of earlier runs."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from kube_dns_conformance.errors import KdcError, ReportError, ToolchainError, UsageError
from kube_dns_conformance.reports import allure3, write_allure
from kube_dns_conformance.resources import folder
from kube_dns_conformance.results import REPORTS, Results, Verdict, Writer
from reports_samples import HEAD, MUST, result
from unit.test_cli_clusters import command

DAY = 86400.0
NODE = """#!/bin/sh
if [ "$1" = --version ]; then echo v20.19.0; exit; fi
mkdir report
echo "$@" | sed "s|.*/node_modules|node_modules|" > report/arguments
{
    echo '<head>'
    echo '<script async src="https://www.example.com/js?id=X"></script>'
    cat report/arguments history.jsonl allurerc.json
} > report/index.html
"""
NPM = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/npm.log"
ls >> "$(dirname "$0")/npm.log"
"""
BROKEN_NPM = """#!/bin/sh
echo 'npm error code ENOTFOUND' >&2
echo 'npm error syscall getaddrinfo' >&2
echo 'npm error network request to https://packages.example/allure failed' >&2
echo 'npm error A complete log of this run can be found in: /a/log' >&2
exit 1
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with a node and an npm that say what they were told, and an empty cache."""
    made = tmp_path / "bin"
    made.mkdir()
    put(made / "node", NODE)
    put(made / "npm", NPM)
    monkeypatch.setenv("PATH", f"{made}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("KDC_CACHE", str(tmp_path / "cache"))
    return made


def put(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(0o755)


def run_in(directory: Path, name: str, verdict: Verdict = Verdict.CONFORMANT, day: int = 0) -> Path:
    writer = Writer(directory)
    writer.begin(HEAD | {"run": name, "started": 1900000000.0 + day * DAY, "selected": {"a::test_it": MUST}})
    writer.add(result(verdict, "", "a::test_it"))
    writer.end(1900000009.0 + day * DAY, interrupted=False)
    return directory


def told(page: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The history and the configuration that Allure was given."""
    *lines, configuration = [json.loads(line) for line in page.read_text().splitlines() if line.startswith("{")]
    return lines, configuration


def test_the_newest_run_is_shown_and_those_before_it_are_its_history(tools: Path, tmp_path: Path) -> None:
    runs = [run_in(tmp_path / name, name, day=day) for day, name in enumerate(("one", "two", "three"))]
    page = tmp_path / "allure.html"
    done = command("report", *map(str, (runs[2], runs[0], runs[1])), f"--allure={page}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"wrote {page}"
    assert "node_modules/allure/cli.js generate --config allurerc.json results" in page.read_text().splitlines()
    history, configuration = told(page)
    assert [one["uuid"] for one in history] == ["one", "two"]
    assert configuration["name"] == "DNS conformance, coredns 1.14.7, Kubernetes 1.37.2"
    assert configuration["historyPath"] == "history.jsonl"
    assert configuration["appendHistory"] is False
    assert [one["name"] for one in configuration["categories"]] == [
        "Nonconformant: DNS said something untrue, or nothing usable",
        "Bench: an error of this suite, not of the cluster",
        "Unknown: could not be judged",
        "Not run: the run ended before",
        "Unsupported by the cluster, or skipped",
    ]
    look = configuration["plugins"]["awesome"]["options"]
    assert look["singleFile"] is True
    assert look["groupBy"] == ["section", "feature", "level", "requirement"]
    assert {one.name for one in runs[0].iterdir()} == {"results.jsonl", *REPORTS}


def test_nothing_of_the_page_is_loaded_from_elsewhere(tools: Path, tmp_path: Path) -> None:
    page = tmp_path / "allure.html"
    write_allure([run_in(tmp_path / "run", "one")], page)
    first, rest = page.read_text().split("\n", 1)
    policy = "default-src data: blob: 'unsafe-inline'"
    assert first == (
        f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">'
        "<script>window.allureReportData = {};</script>"
    )
    assert "example.com" not in rest


def test_allure_is_told_of_an_earlier_run_as_it_tells_itself(tmp_path: Path) -> None:
    run = Results(HEAD, [result(Verdict.NONCONFORMANT, "NONCONFORMANT x", "a::test_it_is_so")], complete=True)
    (point,) = allure3.history.joined([], [run])
    (key, test), *others = point["testResults"].items()
    assert others == []
    assert point | {"testResults": {}} == {
        "uuid": "12ab34cd",
        "name": "DNS conformance, coredns 1.14.7, Kubernetes 1.37.2",
        "timestamp": 1900000000000,
        "knownTestCaseIds": [key.partition(".")[0]],
        "testResults": {},
        "metrics": {},
        "url": "",
    }
    assert key == "748db31e3a740fc0abc791f148b4fabb.d41d8cd98f00b204e9800998ecf8427e"
    assert test | {"id": "", "labels": []} == {
        "id": "",
        "historyId": key,
        "name": "test it is so",
        "fullName": "a::test_it_is_so",
        "environment": "default",
        "status": "failed",
        "message": "NONCONFORMANT x",
        "start": 1900000001000,
        "stop": 1900000002500,
        "duration": 1500,
        "labels": [],
        "url": "",
        "reportLinks": [],
    }
    assert {"name": "requirement", "value": MUST} in test["labels"]


def test_a_history_that_is_kept_has_each_run_once(tools: Path, tmp_path: Path) -> None:
    page, kept = tmp_path / "allure.html", tmp_path / "history.jsonl"
    old, new = run_in(tmp_path / "old", "old", day=1), run_in(tmp_path / "new", "new", day=2)
    write_allure([new], page, kept)
    assert told(page)[0] == []
    write_allure([old], page, kept)
    assert told(page)[0] == []  # what came later is not its history
    for _ in range(2):
        write_allure([new], page, kept)
        assert [one["uuid"] for one in told(page)[0]] == ["old"]
    assert [json.loads(line)["uuid"] for line in kept.read_text().splitlines()] == ["old", "new"]


@pytest.mark.parametrize("line", ["no JSON", "[1]", "{}", '{"uuid": "a", "timestamp": "now"}'])
def test_a_file_that_is_no_history_stays_as_it_is(line: str, tools: Path, tmp_path: Path) -> None:
    kept = tmp_path / "history.jsonl"
    kept.write_text(f'{{"uuid": "a", "timestamp": 1}}\n\n{line}\n')
    before = kept.read_text()
    with pytest.raises(UsageError, match=r"history\.jsonl line 3 is no run of an Allure 3 history file"):
        write_allure([run_in(tmp_path / "run", "one")], tmp_path / "allure.html", kept)
    assert kept.read_text() == before
    assert not (tmp_path / "allure.html").exists()


def test_a_history_is_kept_of_nothing_but_a_page(tmp_path: Path) -> None:
    run = run_in(tmp_path / "run", "one")
    done = command("report", str(run), f"--allure-history={tmp_path / 'history.jsonl'}")
    assert (done.returncode, done.stderr) == (2, "ERROR: --allure-history goes with --allure\n")


NEEDS = "--allure needs Node.js 20.19.0 or newer with npm, from https://nodejs.org or your distribution"


def test_without_node_one_line_says_what_to_install(tmp_path: Path) -> None:
    run = run_in(tmp_path / "run", "one")
    done = command("report", str(run), f"--allure={tmp_path / 'allure.html'}", PATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (2, f"ERROR: {NEEDS}: there is no node on PATH\n")
    assert not (tmp_path / "allure.html").exists()


@pytest.mark.parametrize(("said", "told"), [("v20.18.3", "v20.18.3"), ("v8.9.10", "v8.9.10"), ("", "no version")])
def test_a_node_that_is_too_old_is_told(said: str, told: str, tools: Path, tmp_path: Path) -> None:
    put(tools / "node", f"#!/bin/sh\necho {said}\n")
    with pytest.raises(UsageError) as raised:
        write_allure([run_in(tmp_path / "run", "one")], tmp_path / "allure.html")
    assert str(raised.value) == f"{NEEDS}: {tools / 'node'} says {told}"


def test_a_node_without_npm_is_told(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tools / "npm").unlink()
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(UsageError) as raised:
        write_allure([run_in(tmp_path / "run", "one")], tmp_path / "allure.html")
    assert str(raised.value) == f"{NEEDS}: there is no npm on PATH"


def test_it_is_installed_once_from_what_is_pinned_and_runs_no_scripts(tools: Path, tmp_path: Path) -> None:
    run = run_in(tmp_path / "run", "one")
    pages = [tmp_path / f"{number}.html" for number in range(3)]
    threads = [threading.Thread(target=write_allure, args=([run], page)) for page in pages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(page.exists() for page in pages)
    assert (tools / "npm.log").read_text().splitlines() == [
        "ci --ignore-scripts --no-audit --no-fund --loglevel=error",
        "package-lock.json",
        "package.json",
    ]


def test_what_cannot_be_installed_is_told_and_leaves_nothing(tools: Path, tmp_path: Path) -> None:
    put(tools / "npm", BROKEN_NPM)
    with pytest.raises(ToolchainError) as raised:
        write_allure([run_in(tmp_path / "run", "one")], tmp_path / "allure.html")
    assert str(raised.value).splitlines() == [
        "npm cannot install Allure 3.18.0: network request to https://packages.example/allure failed",
        "  hint: is a registry of npm packages in reach?",
    ]
    assert [one.suffix for one in (tmp_path / "cache" / "npm").iterdir()] == [".lock"]


def test_a_cache_that_cannot_be_written_is_told(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KDC_CACHE", str(tmp_path / "file"))
    with pytest.raises(ToolchainError) as raised:
        write_allure([run_in(tmp_path / "run", "one")], tmp_path / "allure.html")
    assert str(raised.value).splitlines()[1] == (
        "  hint: it needs 60 MB there; KDC_CACHE=DIRECTORY moves the cache elsewhere"
    )


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("echo first >&2; echo it broke >&2; exit 1", "it broke"),
        ("echo nothing found", "nothing found"),
        ("exit 3", "exit status 3"),
    ],
)
def test_what_allure_says_is_told_and_the_page_of_before_stays(
    does: str, why: str, tools: Path, tmp_path: Path
) -> None:
    put(tools / "node", f'#!/bin/sh\nif [ "$1" = --version ]; then echo v22.1.0; exit; fi\n{does}\n')
    page = tmp_path / "allure.html"
    page.write_text("before")
    with pytest.raises(ReportError) as raised:
        write_allure([run_in(tmp_path / "run", "one")], page, tmp_path / "history.jsonl")
    assert str(raised.value) == f"Allure 3.18.0 made no report: {why}"
    assert page.read_text() == "before"
    assert not (tmp_path / "history.jsonl").exists()


@pytest.mark.parametrize("where", ["nowhere/page.html", "run"])
def test_a_page_that_cannot_be_written_is_one_line(where: str, tools: Path, tmp_path: Path) -> None:
    run = run_in(tmp_path / "run", "one")
    with pytest.raises(KdcError, match=f"^cannot write {tmp_path / where}: "):
        write_allure([run], tmp_path / where)


def test_what_is_pinned_has_a_hash_and_no_address() -> None:
    place = folder("reports") / "allure3"
    lock = json.loads((place / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert lock["packages"][""]["dependencies"] == {"allure": "3.18.0"}
    assert json.loads((place / "package.json").read_text())["dependencies"] == {"allure": "3.18.0"}
    assert packages["node_modules/allure"]["version"] == "3.18.0"
    assert len(packages) == 159
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert [name for name, one in packages.items() if "resolved" in one or one.get("hasInstallScript")] == []
    text = (place / "package-lock.json").read_text()
    assert ("registry" in text, ".tgz" in text) == (False, False)
