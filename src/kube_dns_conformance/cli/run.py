"""The command `run`."""

from __future__ import annotations

from typing import Annotated

import typer

from kube_dns_conformance.cli.app import app
from kube_dns_conformance.cli.options import (
    PANEL_REPORT,
    AgentImage,
    Context,
    DnsServer,
    ImageRegistry,
    Requirements,
    Timing,
    judge,
    where,
    with_kubernetes,
)
from kube_dns_conformance.clusters.base import IpFamily


@app.command(
    epilog="Examples:\n\n[bold]kube-dns-conformance run[/] judges the CoreDNS of a cluster that it makes.\n\n"
    "[bold]kube-dns-conformance run --cluster existing --kubeconfig F --dns-server 10.0.0.5:53 "
    "--requirement 'headless.*'[/] judges what matches on a cluster of yours.\n\n"
    "Exit status: 0 conformant, 1 nonconformant, 2 wrong usage, 3 could not judge, 130 Ctrl-C, 143 SIGTERM.",
    rich_help_panel="Judge",
)
def run(  # noqa: PLR0913, PLR0917 - these are the options of the command line
    requirement: Requirements = None,
    profile: Annotated[
        list[str] | None,
        judge("Only this profile: core, extended, survival, upgrade. Repeatable.", envvar="KDC_PROFILE"),
    ] = None,
    repeat: Annotated[
        int | None,
        judge(
            "Do N times what changes while DNS is watched (profile survival).", min=1, metavar="N", envvar="KDC_REPEAT"
        ),
    ] = None,
    timing: Timing = None,
    cluster: Annotated[
        str,
        where(
            "kind, embedded or existing; default kind where a container engine answers, else embedded.",
            metavar="PROVIDER",
            envvar="KDC_CLUSTER",
        ),
    ] = "",
    name: Annotated[str, where("Use this cluster when it runs; else make one of this name.", envvar="KDC_NAME")] = "",
    kubernetes: Annotated[str, where("Kubernetes version of a cluster of ours.", envvar="KDC_KUBERNETES")] = "",
    tool_version: Annotated[
        list[str] | None, where("Another tool version, repeatable.", metavar="NAME=V", envvar="KDC_TOOL_VERSION")
    ] = None,
    ip_family: Annotated[IpFamily | None, where("Of a cluster of ours, default ipv4.", envvar="KDC_IP_FAMILY")] = None,
    keep_cluster: Annotated[
        bool, where("Leave the cluster that was made for the run.", envvar="KDC_KEEP_CLUSTER")
    ] = False,
    kind_image: Annotated[str, where("Node image of a kind cluster.", metavar="IMAGE", envvar="KDC_KIND_IMAGE")] = "",
    agent_image: AgentImage = "",
    image_registry: ImageRegistry = "",
    kubeconfig: Annotated[str, where("Of an existing cluster.", metavar="FILE", envvar="KDC_KUBECONFIG")] = "",
    context: Context = "",
    zone: Annotated[str, where("Cluster domain, default cluster.local.", envvar="KDC_ZONE")] = "",
    dns_server: DnsServer = None,
    allow_disruptive: Annotated[
        bool,
        where(
            "Judge on somebody's cluster too what cordons its nodes, ends and scales its DNS.",
            envvar="KDC_ALLOW_DISRUPTIVE",
        ),
    ] = False,
    allow_large: Annotated[bool, where("Judge too what needs a thousand Pods.", envvar="KDC_ALLOW_LARGE")] = False,
    upgrade: Annotated[
        str,
        judge("Judge too what `upgrade watch` has left in this folder.", metavar="DIR", envvar="KDC_UPGRADE"),
    ] = "",
    report_dir: Annotated[
        str,
        typer.Option(
            metavar="DIR",
            envvar="KDC_REPORT_DIR",
            help="Default: a new one below kdc-report.",
            rich_help_panel=PANEL_REPORT,
        ),
    ] = "",
    push_metrics: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="KDC_PUSH_METRICS",
            help="Put the metrics there, at a Pushgateway: http://HOST:9091/metrics/job/dns/instance/CLUSTER.",
            rich_help_panel=PANEL_REPORT,
        ),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Summary as JSON on standard output.", rich_help_panel=PANEL_REPORT)
    ] = False,
) -> None:
    """Judge a cluster's DNS."""
    from kube_dns_conformance.judging import judge_cluster  # noqa: PLC0415 - --help does not wait for pytest

    versions = with_kubernetes(tool_version, kubernetes)
    single = {
        "--cluster": cluster,
        "--cluster-name": name,
        "--ip-family": ip_family or "",
        "--kubeconfig": kubeconfig,
        "--context": context,
        "--zone": zone,
        "--kind-image": kind_image,
        "--agent-image": agent_image,
        "--image-registry": image_registry,
        "--repeat": repeat or "",
        "--upgrade": upgrade,
        "--push-metrics": push_metrics,
    }
    many = {
        "--requirement": requirement,
        "--profile": profile,
        "--timing": timing,
        "--tool-version": versions,
        "--dns-server": dns_server,
    }
    arguments = [f"{option}={value}" for option, value in single.items() if value]
    arguments += [f"{option}={value}" for option, values in many.items() for value in values or []]
    arguments += ["--keep-cluster"] if keep_cluster else []
    arguments += ["--allow-disruptive"] if allow_disruptive else []
    arguments += ["--allow-large"] if allow_large else []
    raise typer.Exit(judge_cluster(arguments, report_dir, as_json=as_json))
