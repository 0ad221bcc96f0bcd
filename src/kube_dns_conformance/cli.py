"""The command line."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from kube_dns_conformance import __version__, signals
from kube_dns_conformance.agent.flight import GENTLE_RATE
from kube_dns_conformance.clusters.base import Cluster, IpFamily
from kube_dns_conformance.ending import status_of
from kube_dns_conformance.errors import ClusterError, KdcError, ReportError, UsageError
from kube_dns_conformance.progress import Output
from kube_dns_conformance.text import printable
from kube_dns_conformance.timings import TIMINGS

if TYPE_CHECKING:
    from kube_dns_conformance.run import Options

PANEL_JUDGE, PANEL_WHERE, PANEL_REPORT = "What to judge", "Where to judge", "Report"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Does a Kubernetes cluster's DNS tell the truth about its Services and Pods?",
)
clusters = typer.Typer(no_args_is_help=True, help="Clusters of ours: start, stop, show.")
app.add_typer(clusters, name="cluster")

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


def _judge(text: str, **more: Any) -> Any:
    return typer.Option(rich_help_panel=PANEL_JUDGE, help=text, **more)


def _where(text: str, **more: Any) -> Any:
    return typer.Option(rich_help_panel=PANEL_WHERE, help=text, **more)


Timing = Annotated[
    list[str] | None,
    _judge(f"Change a time limit: {', '.join(TIMINGS)}.", metavar="NAME=SECONDS", envvar="KDC_TIMING"),
]
Context = Annotated[str, _where("Context of --kubeconfig.", envvar="KDC_CONTEXT")]
DnsServer = Annotated[
    list[str] | None, _where("Ask this server from here, repeatable.", metavar="HOST[:PORT]", envvar="KDC_DNS_SERVER")
]
AgentImage = Annotated[
    str, _where("Of the Pods that ask from inside, with python3.", metavar="IMAGE", envvar="KDC_AGENT_IMAGE")
]
ImageRegistry = Annotated[
    str, _where("Mirror to take all images of Pods from.", metavar="HOST[/PATH]", envvar="KDC_IMAGE_REGISTRY")
]

Requirements = Annotated[
    list[str] | None, _judge("Only requirements that match, repeatable.", metavar="GLOB", envvar="KDC_REQUIREMENT")
]
Namespaces = Annotated[
    list[str] | None, _judge("Only Services of this namespace, repeatable.", metavar="NS", envvar="KDC_NAMESPACE")
]
MaxQps = Annotated[
    float,
    _judge(
        "Questions a second, all servers together: 2000, or 0 for as many as they answer.",
        min=0,
        metavar="N",
        envvar="KDC_MAX_QPS",
    ),
]
Sample = Annotated[
    int | None,
    _judge(
        "Only N Services, the same ones each time: by the hash of their names.",
        min=1,
        metavar="N",
        envvar="KDC_SAMPLE",
    ),
]
Shards = Annotated[
    int | None,
    _where("Asked by N Pods of --image, each a part of the names.", min=1, max=1000, metavar="N", envvar="KDC_SHARDS"),
]
PerNode = Annotated[bool, _where("Asked by a Pod of --image on every node, each all of it.", envvar="KDC_PER_NODE")]
Image = Annotated[
    str, _where("With kube-dns-conformance, as examples/Dockerfile makes it.", metavar="IMAGE", envvar="KDC_IMAGE")
]
Running = Annotated[str, _where("A cluster that `cluster up` made.", envvar="KDC_NAME")]
AnyKubeconfig = Annotated[str, _where("Of any cluster.", metavar="FILE", envvar="KDC_KUBECONFIG")]
AnyZone = Annotated[str, _where("Cluster domain, default as its DNS says.", envvar="KDC_ZONE")]
NoReport = Annotated[
    str, typer.Option(metavar="DIR", envvar="KDC_REPORT_DIR", help="Default: none.", rich_help_panel=PANEL_REPORT)
]
OutcomeJson = Annotated[
    bool, typer.Option("--json", help="Outcome as JSON on standard output.", rich_help_panel=PANEL_REPORT)
]


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
        _judge("Only this profile: core, extended, survival, upgrade. Repeatable.", envvar="KDC_PROFILE"),
    ] = None,
    repeat: Annotated[
        int | None,
        _judge(
            "Do N times what changes while DNS is watched (profile survival).", min=1, metavar="N", envvar="KDC_REPEAT"
        ),
    ] = None,
    timing: Timing = None,
    cluster: Annotated[
        str,
        _where(
            "kind, embedded or existing; default kind where a container engine answers, else embedded.",
            metavar="PROVIDER",
            envvar="KDC_CLUSTER",
        ),
    ] = "",
    name: Annotated[str, _where("Use this cluster when it runs; else make one of this name.", envvar="KDC_NAME")] = "",
    kubernetes: Annotated[str, _where("Kubernetes version of a cluster of ours.", envvar="KDC_KUBERNETES")] = "",
    tool_version: Annotated[
        list[str] | None, _where("Another tool version, repeatable.", metavar="NAME=V", envvar="KDC_TOOL_VERSION")
    ] = None,
    ip_family: Annotated[IpFamily | None, _where("Of a cluster of ours, default ipv4.", envvar="KDC_IP_FAMILY")] = None,
    keep_cluster: Annotated[
        bool, _where("Leave the cluster that was made for the run.", envvar="KDC_KEEP_CLUSTER")
    ] = False,
    kind_image: Annotated[str, _where("Node image of a kind cluster.", metavar="IMAGE", envvar="KDC_KIND_IMAGE")] = "",
    agent_image: AgentImage = "",
    image_registry: ImageRegistry = "",
    kubeconfig: Annotated[str, _where("Of an existing cluster.", metavar="FILE", envvar="KDC_KUBECONFIG")] = "",
    context: Context = "",
    zone: Annotated[str, _where("Cluster domain, default cluster.local.", envvar="KDC_ZONE")] = "",
    dns_server: DnsServer = None,
    allow_disruptive: Annotated[
        bool,
        _where(
            "Judge on somebody's cluster too what cordons its nodes, ends and scales its DNS.",
            envvar="KDC_ALLOW_DISRUPTIVE",
        ),
    ] = False,
    allow_large: Annotated[bool, _where("Judge too what needs a thousand Pods.", envvar="KDC_ALLOW_LARGE")] = False,
    upgrade: Annotated[
        str,
        _judge("Judge too what `upgrade watch` has left in this folder.", metavar="DIR", envvar="KDC_UPGRADE"),
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

    versions = _with_kubernetes(tool_version, kubernetes)
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

    options = _live(name, kubeconfig, context, zone, dns_server, agent_image, image_registry)
    spread = (shards or 0, per_node, image)
    choice = Choice(tuple(namespace or ()), sample or 0, max_qps, *spread, report_dir, as_json)
    raise typer.Exit(audit_cluster(options, choice, timings(timing or ())))


@app.command(
    epilog="Examples:\n\n[bold]kube-dns-conformance watch --kubeconfig F web.shop web-0.web.shop[/] goes on until "
    "Ctrl-C.\n\n[bold]kube-dns-conformance watch --kubeconfig F --namespace shop --for 10m --max-outage 5s "
    "--report-dir out[/] watches what may be upgraded meanwhile, and draws it.\n\n"
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
        _judge(
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
    report_dir: NoReport = "",
    as_json: OutcomeJson = False,
) -> None:
    """Ask names of a live cluster again and again, and say when answers are not right, and for how long.

    It makes nothing but the agents that it asks from; with --dns-server not even those.
    """
    from kube_dns_conformance.timings import timings  # noqa: PLC0415 - --help does not wait for Kubernetes
    from kube_dns_conformance.watching.command import Choice, duration  # noqa: PLC0415
    from kube_dns_conformance.watching.command import watch as watch_cluster  # noqa: PLC0415

    options = _live(name, kubeconfig, context, zone, dns_server, agent_image, image_registry)
    limits = duration("--for", seconds), duration("--max-outage", max_outage)
    choice = Choice(tuple(names or ()), tuple(namespace or ()), sample or 0, *limits, report_dir, as_json)
    raise typer.Exit(watch_cluster(options, choice, timings(timing or ())))


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
        _judge(
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
        _judge(
            "TOML: longest = SECONDS, and in the table total by cause; default 5 s, and no lie.",
            metavar="FILE",
            envvar="KDC_BUDGET",
        ),
    ] = "",
    requirement: Requirements = None,
    profile: Annotated[
        list[str] | None, _judge("Before and after: default core and extended. Repeatable.", envvar="KDC_PROFILE")
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

    options = _live(name, kubeconfig, context, zone, dns_server, agent_image, image_registry)
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

    versions = parse_versions(_with_kubernetes(tool_version, kubernetes))
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


def _live(
    name: str,
    kubeconfig: str,
    context: str,
    zone: str,
    dns_servers: list[str] | None,
    agent_image: str,
    image_registry: str,
) -> Options:
    """Which cluster is looked at, and from where."""
    from kube_dns_conformance.clusters.zone import parse_zone  # noqa: PLC0415 - --help does not wait for Kubernetes
    from kube_dns_conformance.run import Options  # noqa: PLC0415

    return Options(
        cluster_name=name,
        kubeconfig=kubeconfig,
        context=context,
        zone=parse_zone(zone),
        dns_servers=tuple(dns_servers or ()),
        agent_image=agent_image,
        image_registry=image_registry,
    )


def _with_kubernetes(versions: list[str] | None, kubernetes: str) -> list[str]:
    return [*(versions or []), *([f"kubernetes={kubernetes}"] if kubernetes else [])]


def _show(found: list[Cluster], *, as_json: bool, single: bool) -> None:
    if as_json:
        data = [one.as_data() for one in found]
        print(json.dumps(data[0] if single else data, indent=2))  # noqa: T201
        return
    console = Console(highlight=False, soft_wrap=True)
    for one in found:
        console.print(f"{one.name}: {one.provider}, Kubernetes {one.kubernetes}, zone {one.zone}", markup=False)
        console.print(f"  export KUBECONFIG={one.kubeconfig}", markup=False)
        for server in one.dns:
            console.print(f"  dig @{server.host} -p {server.port} kubernetes.default.svc.{one.zone}", markup=False)
    if not found:
        console.print("no cluster of ours runs")


def main() -> None:
    """Every error is one line, and Ctrl-C or SIGTERM cleans up."""
    signals.clean_up_when_terminated()
    status = status_of(partial(app, standalone_mode=False))
    sys.exit(signals.exit_status() or status)
