"""The command `watch`."""

from __future__ import annotations

from typing import Annotated

import typer

from kube_dns_conformance.cli.app import app
from kube_dns_conformance.cli.options import (
    PANEL_JUDGE,
    AgentImage,
    AnyKubeconfig,
    AnyZone,
    Context,
    DnsServer,
    ImageRegistry,
    Namespaces,
    NoReport,
    OutcomeJson,
    Running,
    Sample,
    Timing,
    judge,
    live,
    where,
)


@app.command(
    epilog="Examples:\n\n[bold]kube-dns-conformance watch --kubeconfig F web.shop web-0.web.shop[/] goes on until "
    "Ctrl-C.\n\n[bold]kube-dns-conformance watch --kubeconfig F --namespace shop --for 10m --max-outage 5s "
    "--report-dir out[/] watches what may be upgraded meanwhile, and draws it.\n\n"
    "[bold]kube-dns-conformance watch --kubeconfig F --namespace shop --per-node[/] says on which nodes DNS fails.\n\n"
    "Exit status: 0 within the budget, 1 beyond it, 2 wrong usage, 3 could not judge, 130 Ctrl-C before --for was up.",
    rich_help_panel="Judge",
)
def watch(  # noqa: PLR0913, PLR0917 - these are the options of the command line
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Such as web.shop or web-0.web.shop; default all names of Services."),
    ] = None,
    seconds: Annotated[
        str,
        typer.Option(
            "--for", metavar="TIME", envvar="KDC_FOR", help="Default: until Ctrl-C.", rich_help_panel=PANEL_JUDGE
        ),
    ] = "",
    max_outage: Annotated[
        str,
        judge(
            "How long a name may be without a right answer, default the propagation budget and the TTL announced.",
            metavar="TIME",
            envvar="KDC_MAX_OUTAGE",
        ),
    ] = "",
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
    per_node: Annotated[bool, where("Ask from an agent on every node.", envvar="KDC_PER_NODE")] = False,
    report_dir: NoReport = "",
    as_json: OutcomeJson = False,
) -> None:
    """Ask names of a live cluster again and again, and say when answers are not right, and for how long.

    It makes nothing but the agents that it asks from; with --dns-server not even those.
    """
    from kube_dns_conformance.timings import timings  # noqa: PLC0415 - --help does not wait for Kubernetes
    from kube_dns_conformance.watching.command import Choice, duration  # noqa: PLC0415
    from kube_dns_conformance.watching.command import watch as watch_cluster  # noqa: PLC0415

    options = live(name, kubeconfig, context, zone, dns_server, agent_image, image_registry)
    limits = duration("--for", seconds), duration("--max-outage", max_outage)
    choice = Choice(tuple(names or ()), tuple(namespace or ()), sample or 0, *limits, per_node, report_dir, as_json)
    raise typer.Exit(watch_cluster(options, choice, timings(timing or ())))
