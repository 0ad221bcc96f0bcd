"""The commands `cluster up`, `down` and `status`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from kube_dns_conformance.cli.app import clusters
from kube_dns_conformance.cli.options import Family, Json, Kubernetes, Name, Provider, Versions, Zone, with_kubernetes
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.errors import ClusterError, KdcError, UsageError


@clusters.command(epilog="Example: [bold]kube-dns-conformance cluster up --name dev --ip-family dual[/]")
def up(  # noqa: PLR0913, PLR0917 - these are the options of the command line
    name: Name = "default",
    cluster: Provider = "",
    kubernetes: Kubernetes = "",
    kind_image: Annotated[str, typer.Option(envvar="KDC_KIND_IMAGE", metavar="IMAGE", help="Node image of kind.")] = "",
    ip_family: Family = None,
    nodes: Annotated[
        int | None, typer.Option(min=1, max=250, metavar="N", help="How many nodes KWOK plays, default 5.")
    ] = None,
    zone: Zone = "",
    dns_port: Annotated[
        int, typer.Option(min=0, max=65534, help="Of the first DNS replica, the second has the next; 0: free ones.")
    ] = 0,
    tool_version: Versions = None,
    as_json: Json = False,
) -> None:
    """Start a cluster that stays, or show it when it runs."""
    from kube_dns_conformance.clusters import embedded, kind  # noqa: PLC0415
    from kube_dns_conformance.clusters.choice import choose  # noqa: PLC0415
    from kube_dns_conformance.clusters.zone import parse_zone  # noqa: PLC0415
    from kube_dns_conformance.toolchain.versions import parse_versions  # noqa: PLC0415

    versions = parse_versions(with_kubernetes(tool_version, kubernetes))
    provider, _ = choose(cluster, name)
    match provider:
        case "kind":
            if nodes or dns_port:
                raise UsageError("--nodes and --dns-port go with --cluster embedded")
            made = kind.up(name, kind.Options(ip_family, parse_zone(zone), kind_image, versions), keep=True)
        case "embedded":
            options = embedded.Options(ip_family, nodes or 0, parse_zone(zone), dns_port, versions)
            made = embedded.up(name, options, keep=True)
        case _:
            raise UsageError(f"--cluster {provider}: there is kind, embedded")
    _show([made], as_json=as_json, single=True)


@clusters.command(epilog="Example: [bold]kube-dns-conformance cluster down --name dev[/]")
def down(
    context: typer.Context,
    name: Name = "default",
    everything: Annotated[bool, typer.Option("--all", help="Every cluster that `cluster up` made.")] = False,
) -> None:
    """Stop a cluster of ours and delete what it left."""
    from kube_dns_conformance.clusters import store  # noqa: PLC0415

    source = context.get_parameter_source("name")
    if everything and source is not None and source.name == "COMMANDLINE":  # KDC_NAME is for other commands too
        raise UsageError("--name and --all contradict each other")
    store.remove_abandoned()
    ours = [entry.name for entry in store.entries() if entry.kept and entry.cluster]  # not those of runs going on
    problems = []
    for one in ours if everything else [name]:
        try:
            store.down(one)
            Console(stderr=True).print(f"cluster {one} is gone", markup=False)
        except ClusterError as error:
            problems.append(str(error))
    if problems:
        raise ClusterError("\n".join(problems))


@clusters.command(epilog="Example: [bold]kube-dns-conformance cluster status --name dev --json[/]")
def status(
    name: Annotated[str, typer.Option(envvar="KDC_NAME", help="Only this cluster.")] = "", as_json: Json = False
) -> None:
    """Show the clusters of ours: kubeconfig, DNS addresses, zone."""
    from kube_dns_conformance.clusters import store  # noqa: PLC0415

    store.remove_abandoned()
    running = [entry.cluster for entry in store.entries() if entry.cluster and entry.is_running()]
    if name:
        store.directory(name)  # says what is wrong with the name
        running = [one for one in running if one.name == name]
        if not running:
            raise KdcError(*store.why_not_running(name))
    _show(running, as_json=as_json, single=bool(name))


def _show(found: list[Cluster], *, as_json: bool, single: bool) -> None:
    if as_json:
        data = [one.as_data() for one in found]
        print(json.dumps(data[0] if single else data, indent=2))  # noqa: T201
        return
    console = Console(highlight=False, soft_wrap=True)
    for one in found:
        console.print(f"{one.name}: {one.provider}, Kubernetes {one.kubernetes}, zone {one.zone}", markup=False)
        console.print(f"  export KUBECONFIG={one.kubeconfig}", markup=False)
        if one.provider == "kind":
            console.print(f"  DNS for its Pods: {', '.join(map(str, one.dns))}", markup=False)
            continue
        for server in one.dns:
            console.print(f"  dig @{server.host} -p {server.port} kubernetes.default.svc.{one.zone}", markup=False)
    if not found:
        console.print("no cluster of ours runs")
