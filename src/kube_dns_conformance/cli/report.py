"""The command `report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from kube_dns_conformance.cli.app import app
from kube_dns_conformance.errors import ReportError, UsageError
from kube_dns_conformance.progress import Output
from kube_dns_conformance.text import printable


@app.command(
    rich_help_panel="Judge",
    epilog="Examples: [bold]kube-dns-conformance report kdc-report/20261123-101500-42[/], "
    "[bold]kube-dns-conformance report before after --html compared.html[/], "
    "[bold]kube-dns-conformance report kdc-report/* --allure allure.html[/]\n\n"
    "[bold]kube-dns-conformance report --compare before after[/] says what is worse. Exit status then: 0 all that was "
    "conformant still is, 1 something is newly nonconformant, 2 wrong usage, 3 something was conformant and is not "
    "judged any more, or the runs have nothing in common.",
)
def report(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIRECTORY...", help="Report directories: each holds a results.jsonl.")
    ],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all of them side by side as one page, the first left.")
    ] = None,
    allure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the newest as one page made by Allure 3, with what the others say as its history. "
            "Needs Node.js with npm.",
        ),
    ] = None,
    allure_history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep the history of --allure there as well, for when the directories of earlier runs are gone.",
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Say only what is otherwise in the second of two, and what of it is worse."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What --compare says, as JSON on standard output.")] = False,
) -> None:
    """Make the reports of runs again, also of those that were killed; or put several side by side."""
    from kube_dns_conformance.reports import github, write_all, write_allure, write_side_by_side  # noqa: PLC0415
    from kube_dns_conformance.results import REPORTS  # noqa: PLC0415

    if allure_history and not allure:
        raise UsageError("--allure-history goes with --allure")
    if as_json and not compare:
        raise UsageError("--json goes with --compare")
    if compare:
        raise typer.Exit(_compare(directories, html, allure, as_json=as_json))
    console = Console(highlight=False, soft_wrap=True)
    for directory in directories:
        results = write_all(directory)
        if problem := github.append_step_summary(results):
            raise ReportError(problem)
        what = f"wrote {', '.join(REPORTS)} to {directory}\n{results.outcome()}: {results.counts()}"
        console.print(what, markup=False)
    if html:
        write_side_by_side(directories, html)
        console.print(f"wrote {html}", markup=False)
    if allure:
        write_allure(directories, allure, allure_history)
        console.print(f"wrote {allure}", markup=False)


def _compare(directories: list[Path], html: Path | None, allure: Path | None, *, as_json: bool) -> int:
    """Say what is otherwise; nothing is written but ``html``. Raises UsageError."""
    from kube_dns_conformance import reports  # noqa: PLC0415

    if len(directories) != 2 or allure:
        raise UsageError("--compare takes two report directories, and no --allure")
    found = reports.compare(*directories)
    if html:
        reports.write_side_by_side(directories, html)
    if as_json:
        print(json.dumps(found.as_data(), indent=2))  # noqa: T201
        return found.exit_code()
    output = Output(highlight=False, soft_wrap=True)
    for text, style in found.lines():
        output.print(Text(printable(text), style))
    return found.exit_code()
