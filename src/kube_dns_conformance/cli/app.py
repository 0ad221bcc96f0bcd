"""What the commands are commands of."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kube_dns_conformance import __version__

ORDER = ("run", "audit", "watch", "upgrade", "requirements", "report", "cluster")
"""Of the help: what is wanted first is first."""


class _InOrder(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        """All of them, by their names."""
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    cls=_InOrder,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Does a Kubernetes cluster's DNS tell the truth about its Services and Pods?",
)
clusters = typer.Typer(no_args_is_help=True, help="Clusters of ours: start, stop, show.")
app.add_typer(clusters, name="cluster")


def _version(*, wanted: bool) -> None:
    if wanted:
        print(__version__)  # noqa: T201
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Does a Kubernetes cluster's DNS tell the truth about its Services and Pods?"""
