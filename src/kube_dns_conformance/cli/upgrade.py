"""The command `upgrade`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from kube_dns_conformance.cli.app import app
from kube_dns_conformance.cli.options import (
    PANEL_JUDGE,
    PANEL_REPORT,
    AgentImage,
    AnyKubeconfig,
    AnyZone,
    Context,
    DnsServer,
    ImageRegistry,
    Namespaces,
    OutcomeJson,
    Requirements,
    Running,
    Sample,
    Timing,
    judge,
    live,
)


class _WithCommand(TyperCommand):
    """What comes after ``--`` is a command of the user's, whatever it looks like."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep it apart."""
        at = args.index("--") if "--" in args else len(args)
        ctx.obj = args[at + 1 :]
        return super().parse_args(ctx, args[:at])


@app.command(
    cls=_WithCommand,
    epilog="Examples:\n\n[bold]kube-dns-conformance upgrade --kubeconfig F -- kubeadm upgrade apply -y v1.37.2[/] does "
    "it all.\n\n[bold]kube-dns-conformance upgrade baseline --kubeconfig F --state up[/], "
    "[bold]kube-dns-conformance upgrade watch --kubeconfig F --state up --for 30m[/] while anything happens, and "
    "[bold]kube-dns-conformance upgrade verify --kubeconfig F --state up[/]: the same on one machine or several.\n\n"
    "Exit status: 0 nothing is worse than before, 1 something is, 2 wrong usage, 3 it could not be judged, 4 nothing "
    "is worse and COMMAND failed, 130 Ctrl-C, 143 SIGTERM.",
    rich_help_panel="Judge",
    options_metavar="[OPTIONS] [-- COMMAND...]",
)
def upgrade(  # noqa: PLR0913, PLR0917 - these are the options of the command line
    ctx: typer.Context,
    phase: Annotated[
        str, typer.Argument(metavar="[PHASE]", help="Only baseline, watch or verify; default all, around COMMAND.")
    ] = "",
    state: Annotated[
        str,
        typer.Option(
            metavar="DIR",
            envvar="KDC_UPGRADE_STATE",
            help="What each phase leaves for the next; default with COMMAND: a new one below kdc-upgrade.",
            rich_help_panel=PANEL_REPORT,
        ),
    ] = "",
    watch_name: Annotated[
        list[str] | None,
        judge(
            "Watch this name, such as web.shop, repeatable; default some Services.", metavar="NAME", envvar="KDC_WATCH"
        ),
    ] = None,
    seconds: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="TIME",
            envvar="KDC_FOR",
            help="How long to watch without COMMAND, default until Ctrl-C.",
            rich_help_panel=PANEL_JUDGE,
        ),
    ] = "",
    budget: Annotated[
        str,
        judge(
            "TOML: longest = SECONDS, and in the table total by cause; default 5 s, and no lie.",
            metavar="FILE",
            envvar="KDC_BUDGET",
        ),
    ] = "",
    requirement: Requirements = None,
    profile: Annotated[
        list[str] | None, judge("Before and after: default core and extended. Repeatable.", envvar="KDC_PROFILE")
    ] = None,
    namespace: Namespaces = None,
    sample: Sample = None,
    timing: Timing = None,
    name: Running = "",
    kubeconfig: AnyKubeconfig = "",
    context: Context = "",
    zone: AnyZone = "",
    dns_server: DnsServer = None,
    agent_image: AgentImage = "",
    image_registry: ImageRegistry = "",
    as_json: OutcomeJson = False,
) -> None:
    """Judge a cluster before and after COMMAND, ask its DNS from every node meanwhile, and say what is worse.

    COMMAND is whatever changes the cluster; its output is left alone.
    """
    from kube_dns_conformance.timings import timings  # noqa: PLC0415 - --help does not wait for Kubernetes
    from kube_dns_conformance.upgrade import budget as budgets  # noqa: PLC0415
    from kube_dns_conformance.upgrade import command as upgrading  # noqa: PLC0415
    from kube_dns_conformance.watching.command import duration  # noqa: PLC0415

    options = live(name, kubeconfig, context, zone, dns_server, agent_image, image_registry)
    judged = [f"--requirement={one}" for one in requirement or ()] + [f"--profile={one}" for one in profile or ()]
    choice = upgrading.Choice(
        folder=upgrading.folder(state, phase),
        judged=judged,
        names=tuple(watch_name or ()),
        namespaces=tuple(namespace or ()),
        sample=sample or 0,
        seconds=duration("--for", seconds),
        budget=budgets.load(budget),
        command=tuple(ctx.obj or ()),
        as_json=as_json,
    )
    raise typer.Exit(upgrading.upgrade(upgrading.phase(phase), options, choice, timings(timing or ())))
