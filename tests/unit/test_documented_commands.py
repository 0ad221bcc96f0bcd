"""Every command that a document shows: the real parsers take it, and what needs no cluster is run."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from documents import ROOT, Said, commands, simple_commands
from kube_dns_conformance.cli import app
from kube_dns_conformance.requirements import select
from kube_dns_conformance.timings import timings

COMMANDS = list(commands())
ONCE = {one.text: one for one in COMMANDS}
"""Each of them, however often it is shown."""
NOT_CHECKED = {
    "source .venv/bin/activate",
    "cp latest/metrics.prom /var/lib/node_exporter/kube-dns-conformance.prom",
}
"""What others have to understand."""
ON_A_CLUSTER = {
    "run": ("tests/cluster/test_lifecycle.py", '"run"'),
    "audit": ("tests/cluster/test_audit.py", '"audit"'),
    "watch": ("tests/cluster/test_watching.py", '"watch"'),
    "upgrade": ("tests/cluster/test_upgrade.py", '"upgrade"'),
    "cluster up": ("tests/cluster/test_lifecycle.py", '"cluster", "up"'),
    "cluster status": ("tests/cluster/test_lifecycle.py", '"cluster", "status"'),
    "cluster down": ("tests/cluster/test_lifecycle.py", '"cluster", "down"'),
}
"""Where what needs a cluster is run, and how it begins there."""
NEED_NO_CLUSTER = {"report", "requirements"}
OUR_MODULES = {"tools", "benchmarks", "faults"}
"""Those whose command line is read; of others it is enough that they are there."""
ELLIPSIS = {"…", "ARGS=…", "COMMAND..."}
"""Left to the reader."""


class Parsed(Exception):
    """A parser took it, and nothing else happens."""


def shown(*beginnings: str) -> list[Said]:
    return [one for one in COMMANDS if one.words and one.words[0] in beginnings]


def named(one: Said) -> str:
    return f"{one.page}: {one.text}"


def verb(words: list[str]) -> str:
    """``run``, ``cluster up``."""
    return " ".join(words[1:3] if words[1:2] == ["cluster"] else words[1:2])


@pytest.fixture
def check(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Checker:
    for name in [one for one in os.environ if one.startswith("KDC_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(ROOT)
    return Checker(pytestconfig, monkeypatch)


class Checker:
    """Gives each command to the parser that is meant."""

    def __init__(self, config: pytest.Config, patch: pytest.MonkeyPatch) -> None:
        self._config = config
        self._patch = patch

    def __call__(self, words: list[str]) -> bool:
        """Whether there was a parser for it; what that does not take is an error."""
        program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
        if program != words[0]:
            assert Path(sys.executable).with_name(program).exists(), f"{program} is not installed"
        match program:
            case "kube-dns-conformance":
                self.ours(arguments)
            case "make":
                self.make(arguments)
            case "pytest":
                self.pytest(arguments)
            case "tox":
                self.tox(arguments)
            case "docker" | "kubectl" | "sonobuoy":
                self.theirs(arguments)
            case "python" if arguments[0] == "-m":
                self.module(arguments[1], arguments[2:])
            case _:
                return False
        return True

    def ours(self, arguments: list[str]) -> None:
        command: Any = get_command(app)
        context: Any = None
        name, rest = "kube-dns-conformance", arguments
        while True:
            context = command.make_context(name, list(rest), parent=context)
            if not hasattr(command, "resolve_command"):
                break
            name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        if context.params.get("requirement") or context.params.get("profile"):
            select(context.params["requirement"] or [], context.params["profile"] or [])
        timings(context.params.get("timing") or [])

    def make(self, arguments: list[str]) -> None:
        """What it would do is checked as well: ``ARGS`` are options of that."""
        arguments = [one for one in arguments if one not in ELLIPSIS]
        for name in [one.partition("=")[0] for one in arguments if "=" in one]:
            assert f"$({name})" in (ROOT / "Makefile").read_text(), f"make knows no {name}"
        done = subprocess.run(
            ["make", "--dry-run", "--assume-old=.venv/ready", "--assume-old=.venv/fuzz", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for words in simple_commands(done.stdout):
            self(words)

    def pytest(self, arguments: list[str]) -> None:
        found, unknown = self._config._parser.parse_known_and_unknown_args(arguments)
        assert unknown == []
        assert [one for one in found.file_or_dir if not (ROOT / one).exists()] == []
        known = {re.split(r"[:(]", line)[0] for line in self._config.getini("markers")}
        assert set(re.findall(r"\w+", found.markexpr or "")) - {"and", "or", "not"} <= known

    def tox(self, arguments: list[str]) -> None:
        for names in [after for before, after in pairwise(arguments) if before == "-e"]:
            for name in names.split(","):
                assert f"[testenv:{name}]" in (ROOT / "tox.ini").read_text()

    def theirs(self, arguments: list[str]) -> None:
        """Others know what they take; the files must be there."""
        named = [after for before, after in pairwise(arguments) if before == "-f" or after.endswith(".yaml")]
        assert [one for one in named if not (ROOT / one).exists()] == []

    def module(self, name: str, arguments: list[str]) -> None:
        found = importlib.util.find_spec(name)
        assert found, f"there is no module {name}"
        if name.partition(".")[0] not in OUR_MODULES:
            return
        module = importlib.import_module(f"{name}.__main__" if found.submodule_search_locations else name)
        if "ArgumentParser" not in inspect.getsource(module):
            return
        parse = argparse.ArgumentParser.parse_args

        def only_parse(parser: argparse.ArgumentParser) -> None:
            raise Parsed(parse(parser, [one for one in arguments if one not in ELLIPSIS]))

        with self._patch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_args", only_parse)
            with pytest.raises(Parsed) as parsed:
                module.main()
        if command := getattr(parsed.value.args[0], "command", []):
            self(command)


@pytest.mark.parametrize("one", [one for text, one in ONCE.items() if text not in NOT_CHECKED], ids=named)
def test_its_own_parser_takes_it(one: Said, check: Checker) -> None:
    assert check(one.words), "nothing knows this command: check it, or say that it is not checked"


def test_what_is_not_checked_is_shown_somewhere() -> None:
    assert {one.text for one in COMMANDS} >= NOT_CHECKED


@pytest.mark.parametrize(
    "words",
    [
        ["kube-dns-conformance", "run", "--clusters", "embedded"],
        ["kube-dns-conformance", "jugde"],
        ["kube-dns-conformance", "run", "--requirement", "nothing.*"],
        ["kube-dns-conformance", "run", "--timing", "patience=1"],
        ["make", "conformanse"],
        ["make", "conformance", "ARGS=--ip-famly dual"],
        ["make", "kind-image", "KUBERNETS=1.37.2"],
        ["make", "faults", "ARGS=--falt x"],
        ["pytest", "suites", "--ip-famly=dual"],
        ["pytest", "suits"],
        ["pytest", "-m", "kint"],
        [".venv/bin/tox", "run", "-e", "unyt"],
        [".venv/bin/kube-dns-conformence", "run"],
        ["python", "-m", "tools.nothing"],
        ["kubectl", "apply", "-f", "examples/nothing.yaml"],
        ["python", "-m", "tools.on_kind", "kube-dns-conformance", "run", "--all"],
    ],
    ids=" ".join,
)
def test_what_is_written_wrongly_is_noticed(words: list[str], check: Checker) -> None:
    with pytest.raises((Exception, SystemExit)):
        check(words)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A folder with report directories of all names that are used in examples."""
    run_in(tmp_path, "python", "-m", "tools.example", "example")
    for name in ("up/before", "up/after", "OLD", "NEW"):
        shutil.copytree(tmp_path / "example", tmp_path / name)
    return tmp_path


def run_in(folder: Path, program: str, *arguments: str) -> str:
    """What a program of our environment says that readers start in a folder of theirs."""
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_needs_no_cluster_is_run(reports: Path) -> None:
    ours = [one.words for one in shown("kube-dns-conformance", ".venv/bin/kube-dns-conformance")]
    lines = sorted({tuple(words[1:]) for words in ours if verb(words) in NEED_NO_CLUSTER})
    assert lines == [
        ("report", "--compare", "OLD", "NEW"),
        ("report", "OLD", "NEW", "--html", "compared.html"),
        ("report", "example"),
        ("report", "kdc-report/*", "--allure", "allure.html"),
        ("report", "up/before", "up/after", "--html", "compared.html"),
        ("requirements",),
    ]
    for arguments in lines:
        if "--allure" in arguments:  # which needs node: tests/browser/test_allure.py
            continue
        assert run_in(reports, "kube-dns-conformance", *arguments)
    assert (reports / "compared.html").exists()
    assert "address-last-missing" in run_in(reports, "python", "-m", "faults", "--list")


def test_what_needs_a_cluster_is_run_by_the_tests_that_have_one() -> None:
    ours = shown("kube-dns-conformance", ".venv/bin/kube-dns-conformance")
    assert {verb(one.words) for one in ours} == ON_A_CLUSTER.keys() | NEED_NO_CLUSTER
    for file, how in ON_A_CLUSTER.values():
        assert how in (ROOT / file).read_text(), f"{file} does not run {how}"


@pytest.mark.parametrize("name", ["", "cluster", *ON_A_CLUSTER, *sorted(NEED_NO_CLUSTER)])
def test_every_command_explains_itself(name: str) -> None:
    said = CliRunner().invoke(app, [*name.split(), "--help"], prog_name="kube-dns-conformance")
    assert said.exit_code == 0
    assert f"Usage: kube-dns-conformance {name}".rstrip() in said.output


@pytest.mark.parametrize("name", [*ON_A_CLUSTER, *sorted(NEED_NO_CLUSTER)])
def test_the_examples_of_its_help_are_taken(name: str, check: Checker) -> None:
    command: Any = get_command(app)
    for part in name.split():
        command = command.commands[part]
    examples = re.findall(r"\[bold\](.*?)\[/\]", command.epilog)
    assert examples
    for line in examples:
        assert check(shlex.split(line))
