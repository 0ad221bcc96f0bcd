"""The command `requirements`."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.table import Table

from kube_dns_conformance.cli.app import app
from kube_dns_conformance.cli.options import Json


@app.command(rich_help_panel="Judge", epilog="Example: [bold]kube-dns-conformance requirements --json[/]")
def requirements(as_json: Json = False) -> None:
    """The catalogue: every requirement with its section and level."""
    from kube_dns_conformance.requirements import catalogue  # noqa: PLC0415

    if as_json:
        print(json.dumps([one.as_data() for one in catalogue().values()], indent=2))  # noqa: T201
        return
    if not sys.stdout.isatty():
        width = max(map(len, catalogue()))
        for one in catalogue().values():
            print(f"{one.id:{width}}  {one.level:6}  {one.profile:8}  {one.sentence} ({one.section})")  # noqa: T201
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("requirement", "section", "level", "profile", "sentence"):
        table.add_column(heading, no_wrap=heading == "requirement")
    for one in catalogue().values():
        table.add_row(one.id, one.section, one.level, one.profile, one.sentence)
    Console(highlight=False).print(table, markup=False)
