"""The command that does a run again."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer.main

from kube_dns_conformance.cli import app
from kube_dns_conformance.command import VARIABLES, reproduce


@pytest.mark.parametrize(
    ("argv", "environ", "command"),
    [
        (
            ["/home/me/.venv/bin/kube-dns-conformance", "run", "--requirement", "headless.*"],
            {},
            "kube-dns-conformance run --requirement 'headless.*'",
        ),
        (["/x/kube_dns_conformance/__main__.py", "run"], {}, "python -m kube_dns_conformance run"),
        (["/x/bin/pytest", "suites", "-k", "a b"], {}, "pytest suites -k 'a b'"),
        (["/x/pytest/__main__.py", "suites"], {}, "python -m pytest suites"),
        (["/x/kdc", "run", "--report-dir", "a b", "--zone=x", "--report-dir=c"], {}, "kdc run --zone=x"),
        (["/x/kdc", "run", "--report-dir"], {}, "kdc run"),
        (["/x/kdc", "run", "--push-metrics", "http://h", "--zone=x", "--push-metrics=y"], {}, "kdc run --zone=x"),
        (
            ["kube-dns-conformance", "run", "--kubeconfig=/me/my config"],
            {
                "KDC_ZONE": "corp.example",
                "KDC_PROFILE": "core extended",
                "KDC_NAME": "",
                "HOME": "/x",
                "KDC_CACHE": "/y",
            },
            "KDC_ZONE=corp.example KDC_PROFILE='core extended' kube-dns-conformance run '--kubeconfig=/me/my config'",
        ),
    ],
)
def test_it_is_what_the_user_typed(argv: list[str], environ: dict[str, str], command: str) -> None:
    assert reproduce(argv, environ) == command


def test_what_is_not_on_the_path_is_shown_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / ".venv/bin/kube-dns-conformance"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    assert reproduce([str(program), "run"], {"PATH": "/bin"}) == ".venv/bin/kube-dns-conformance run"
    assert reproduce([str(program), "run"], {"PATH": str(program.parent)}) == "kube-dns-conformance run"


def test_every_option_that_has_an_environment_twin_is_heeded_but_where_the_report_goes() -> None:
    run = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    twins = {str(one.envvar) for one in run.params if one.envvar}
    assert {*VARIABLES, "KDC_REPORT_DIR", "KDC_PUSH_METRICS"} == {*twins, "KUBECONFIG"}
