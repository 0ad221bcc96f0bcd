"""The command `audit`."""

from __future__ import annotations

import typer

from kube_dns_conformance.agent.flight import GENTLE_RATE
from kube_dns_conformance.cli.app import app
from kube_dns_conformance.cli.options import (
    AgentImage,
    AnyKubeconfig,
    AnyZone,
    Context,
    DnsServer,
    Image,
    ImageRegistry,
    MaxQps,
    Namespaces,
    NoReport,
    OutcomeJson,
    PerNode,
    Running,
    Sample,
    Shards,
    Timing,
    live,
)


@app.command(
    epilog="Examples:\n\n[bold]kube-dns-conformance audit --kubeconfig F[/] asks from inside, through agents in a "
    "namespace that is deleted again.\n\n[bold]kube-dns-conformance audit --kubeconfig F --dns-server 10.0.0.5 "
    "--sample 100[/] asks from here and changes nothing.\n\n[bold]kube-dns-conformance audit --name dev "
    "--namespace shop --json[/] looks at one namespace of a cluster of ours.\n\n"
    "[bold]kube-dns-conformance audit --kubeconfig F --shards 4 --max-qps 8000 --image "
    "registry.example/kube-dns-conformance:0.1.0[/] spreads it over the cluster.\n\n"
    "Exit status: 0 conformant, 1 nonconformant, 2 wrong usage, 3 could not judge.",
    rich_help_panel="Judge",
)
def audit(  # noqa: PLR0913, PLR0917 - these are the options of the command line
    namespace: Namespaces = None,
    sample: Sample = None,
    max_qps: MaxQps = GENTLE_RATE,
    timing: Timing = None,
    name: Running = "",
    kubeconfig: AnyKubeconfig = "",
    context: Context = "",
    zone: AnyZone = "",
    dns_server: DnsServer = None,
    agent_image: AgentImage = "",
    image_registry: ImageRegistry = "",
    shards: Shards = None,
    per_node: PerNode = False,
    image: Image = "",
    report_dir: NoReport = "",
    as_json: OutcomeJson = False,
) -> None:
    """Compare every record of a live cluster's Services with its objects.

    It makes nothing but the Pods that it asks from; with --dns-server not even those.
    """
    from kube_dns_conformance.audit.command import Choice  # noqa: PLC0415 - --help does not wait for Kubernetes
    from kube_dns_conformance.audit.command import audit as audit_cluster  # noqa: PLC0415
    from kube_dns_conformance.timings import timings  # noqa: PLC0415

    options = live(name, kubeconfig, context, zone, dns_server, agent_image, image_registry)
    spread = (shards or 0, per_node, image)
    choice = Choice(tuple(namespace or ()), sample or 0, max_qps, *spread, report_dir, as_json)
    raise typer.Exit(audit_cluster(options, choice, timings(timing or ())))
