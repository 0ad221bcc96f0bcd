"""Options that several commands have, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kube_dns_conformance.clusters.base import IpFamily
from kube_dns_conformance.timings import TIMINGS

if TYPE_CHECKING:
    from kube_dns_conformance.chosen import Options

PANEL_JUDGE, PANEL_WHERE, PANEL_REPORT = "What to judge", "Where to judge", "Report"

Versions = Annotated[
    list[str] | None,
    typer.Option(
        "--tool-version", metavar="NAME=V", envvar="KDC_TOOL_VERSION", help="Another version of a tool, repeatable."
    ),
]
Kubernetes = Annotated[
    str, typer.Option(envvar="KDC_KUBERNETES", metavar="V", help="Kubernetes version, for example 1.37.2.")
]
Family = Annotated[
    IpFamily | None, typer.Option("--ip-family", envvar="KDC_IP_FAMILY", help="Address families, default ipv4.")
]
Name = Annotated[str, typer.Option(envvar="KDC_NAME", help="Name of the cluster.")]
Zone = Annotated[str, typer.Option(envvar="KDC_ZONE", help="Cluster domain, default cluster.local.")]
Provider = Annotated[str, typer.Option("--cluster", metavar="PROVIDER", envvar="KDC_CLUSTER", help="kind or embedded.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, everything else on standard error.")]


def judge(text: str, **more: Any) -> Any:
    """An option about what is judged."""
    return typer.Option(rich_help_panel=PANEL_JUDGE, help=text, **more)


def where(text: str, **more: Any) -> Any:
    """An option about where that is."""
    return typer.Option(rich_help_panel=PANEL_WHERE, help=text, **more)


Timing = Annotated[
    list[str] | None,
    judge(f"Change a time limit: {', '.join(TIMINGS)}.", metavar="NAME=SECONDS", envvar="KDC_TIMING"),
]
Context = Annotated[str, where("Context of --kubeconfig.", envvar="KDC_CONTEXT")]
DnsServer = Annotated[
    list[str] | None, where("Ask this server from here, repeatable.", metavar="HOST[:PORT]", envvar="KDC_DNS_SERVER")
]
AgentImage = Annotated[
    str, where("Of the Pods that ask from inside, with python3.", metavar="IMAGE", envvar="KDC_AGENT_IMAGE")
]
ImageRegistry = Annotated[
    str, where("Mirror to take all images of Pods from.", metavar="HOST[/PATH]", envvar="KDC_IMAGE_REGISTRY")
]

Requirements = Annotated[
    list[str] | None, judge("Only requirements that match, repeatable.", metavar="GLOB", envvar="KDC_REQUIREMENT")
]
Namespaces = Annotated[
    list[str] | None, judge("Only Services of this namespace, repeatable.", metavar="NS", envvar="KDC_NAMESPACE")
]
MaxQps = Annotated[
    float,
    judge(
        "Questions a second, all servers together: 2000, or 0 for as many as they answer.",
        min=0,
        metavar="N",
        envvar="KDC_MAX_QPS",
    ),
]
Sample = Annotated[
    int | None,
    judge(
        "Only N Services, the same ones each time: by the hash of their names.",
        min=1,
        metavar="N",
        envvar="KDC_SAMPLE",
    ),
]
Shards = Annotated[
    int | None,
    where("Asked by N Pods of --image, each a part of the names.", min=1, max=1000, metavar="N", envvar="KDC_SHARDS"),
]
PerNode = Annotated[bool, where("Asked by a Pod of --image on every node, each all of it.", envvar="KDC_PER_NODE")]
Image = Annotated[
    str, where("With kube-dns-conformance, as examples/Dockerfile makes it.", metavar="IMAGE", envvar="KDC_IMAGE")
]
Running = Annotated[str, where("A cluster that `cluster up` made.", envvar="KDC_NAME")]
AnyKubeconfig = Annotated[str, where("Of any cluster.", metavar="FILE", envvar="KDC_KUBECONFIG")]
AnyZone = Annotated[str, where("Cluster domain, default as its DNS says.", envvar="KDC_ZONE")]
NoReport = Annotated[
    str, typer.Option(metavar="DIR", envvar="KDC_REPORT_DIR", help="Default: none.", rich_help_panel=PANEL_REPORT)
]
OutcomeJson = Annotated[
    bool, typer.Option("--json", help="Outcome as JSON on standard output.", rich_help_panel=PANEL_REPORT)
]


def live(
    name: str,
    kubeconfig: str,
    context: str,
    zone: str,
    dns_servers: list[str] | None,
    agent_image: str,
    image_registry: str,
) -> Options:
    """Which cluster is looked at, and from where."""
    from kube_dns_conformance.chosen import Options  # noqa: PLC0415
    from kube_dns_conformance.clusters.zone import parse_zone  # noqa: PLC0415 - --help does not wait for Kubernetes

    return Options(
        cluster_name=name,
        kubeconfig=kubeconfig,
        context=context,
        zone=parse_zone(zone),
        dns_servers=tuple(dns_servers or ()),
        agent_image=agent_image,
        image_registry=image_registry,
    )


def with_kubernetes(versions: list[str] | None, kubernetes: str) -> list[str]:
    """Versions of tools, as ``--tool-version`` has them, and that of Kubernetes."""
    return [*(versions or []), *([f"kubernetes={kubernetes}"] if kubernetes else [])]
