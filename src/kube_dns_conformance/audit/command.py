"""`audit` from its options to its exit status."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.table import Table
from rich.text import Text

from kube_dns_conformance import images
from kube_dns_conformance.agent.flight import GENTLE_RATE
from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.audit.findings import Finding, Outcome, Report
from kube_dns_conformance.audit.part import Part, audit_part
from kube_dns_conformance.audit.reach import insist_answering, served_types
from kube_dns_conformance.audit.selection import insist_something
from kube_dns_conformance.audit.spread import namespace_of, spread
from kube_dns_conformance.audit.task import Task
from kube_dns_conformance.chosen import Options
from kube_dns_conformance.clusters import store
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.errors import ExitCode, UsageError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import Output
from kube_dns_conformance.run import Run
from kube_dns_conformance.text import printable
from kube_dns_conformance.timings import Timings

SCHEMA = 1


@dataclass(frozen=True)
class Choice:
    """What the command line says about what to audit, and where its report goes. ``sample`` 0 is everything.

    ``rate`` is how many questions a second may be asked, 0 as many as the servers answer. In so many ``shards``, or
    ``per_node``, Pods with ``image`` ask; in none of both, the agents of the run, or this process.
    """

    namespaces: tuple[str, ...] = ()
    sample: int = 0
    rate: float = GENTLE_RATE
    shards: int = 0
    per_node: bool = False
    image: str = ""
    report_dir: str = ""
    as_json: bool = False

    @property
    def is_spread(self) -> bool:
        """Whether Pods of its own ask."""
        return bool(self.shards or self.per_node)


def audit(options: Options, choice: Choice, timings: Timings) -> ExitCode:
    """Audit a cluster and say what came of it. Raises KdcError when it cannot be reached."""
    _insist_possible(options, choice)
    report = Report(choice.report_dir)
    say = Say(Output(file=sys.stderr if choice.as_json else sys.stdout, highlight=False, soft_wrap=True), report)
    run = Run(replace(running(options), read_only=True), timings)
    try:
        cluster = run.cluster
        say.where(cluster, asdict(choice), timings)
        checks = Checks(run.vantage, cluster.dns, choice.rate)
        insist_answering(checks, cluster.zone, timings)
        outcome = (
            _spread(run, checks, choice, say) if choice.is_spread else _alone(cluster, checks, choice, timings, say)
        )
    finally:
        run.close()
    say.end(outcome)
    if choice.as_json:
        print(json.dumps(outcome.as_data() | {"report": choice.report_dir or None}, indent=2))  # noqa: T201
    return outcome.exit_code()


def running(options: Options) -> Options:
    """With the provider of the cluster that is named. Raises UsageError when there is none: none is made."""
    name = options.cluster_name
    if not name:
        return replace(options, provider="existing")
    if options.kubeconfig or options.context or options.zone:
        raise UsageError("--name goes without --kubeconfig, --context and --zone: the cluster's own are known")
    entry = store.load(store.directory(name))
    if entry.cluster is None or not entry.is_running():
        raise UsageError(*store.why_not_running(name))
    return replace(options, provider=entry.provider)


def _alone(cluster: Cluster, checks: Checks, choice: Choice, timings: Timings, say: Say) -> Outcome:
    kube = Kube(cluster.kubeconfig, cluster.context)
    told = (lambda so_far: say.selection(so_far, choice.sample), say.finding)
    return audit_part(kube, checks, cluster.zone, timings, Part(choice.namespaces, choice.sample), *told)


def _spread(run: Run, checks: Checks, choice: Choice, say: Say) -> Outcome:
    cluster = run.cluster
    if Capability.REAL_PODS not in cluster.capabilities:
        raise UsageError(f"cluster {cluster.name} runs no Pods: --shards and --per-node go with one that does")
    kube, mirror = run.will_take_away(namespace_of(run.id))
    insist_something(kube, choice.namespaces)
    nodes = len(kube.list("v1", "Node")[0]) if choice.per_node else 0
    task = Task(
        run=run.id,
        namespace=namespace_of(run.id),
        zone=cluster.zone,
        servers=cluster.dns,
        namespaces=choice.namespaces,
        rate=choice.rate / (choice.shards or nodes),
        timings=run.timings,
        served=_served(kube, checks, cluster, choice),
        shards=choice.shards,
    )
    outcome = spread(kube, mirror, task, images.image(choice.image, run.options.image_registry))
    say.selection(outcome)
    for one in outcome.findings:
        say.finding(one)
    return outcome


def _served(kube: Kube, checks: Checks, cluster: Cluster, choice: Choice) -> tuple[str, ...]:
    """Agreed before, so that all shards ask the same of Pods."""
    families = {Capability.IPV4: "A", Capability.IPV6: "AAAA"}
    rdtypes = [rdtype for family, rdtype in families.items() if family in cluster.capabilities]
    return tuple(sorted(served_types(kube, checks, cluster.zone, choice.namespaces, rdtypes)))


def _insist_possible(options: Options, choice: Choice) -> None:
    """Raises UsageError for what contradicts itself."""
    if not choice.is_spread:
        return
    if choice.shards and choice.per_node:
        raise UsageError("--shards and --per-node contradict each other")
    which = "--shards" if choice.shards else "--per-node"
    if not choice.image:
        raise UsageError(f"{which} needs --image", "examples/Dockerfile makes one")
    if options.dns_servers:
        raise UsageError(f"{which} asks from inside, and --dns-server from here")
    if choice.sample:
        raise UsageError(f"--sample is for one who asks alone, and goes without {which}")


class Say:
    """Tells people and the report."""

    def __init__(self, output: Output, report: Report) -> None:
        self._output = output
        self._report = report
        self._began = time.monotonic()
        self._head: list[str] = []

    def where(self, cluster: Cluster, choice: dict[str, Any], timings: Timings) -> None:
        """What is audited."""
        servers = ", ".join(f"{server.name} {server}" for server in cluster.dns)
        note = f" ({cluster.zone_note})" if cluster.zone_note else ""
        self._line(
            f"Kubernetes {cluster.kubernetes} ({cluster.provider} {cluster.name}), zone {cluster.zone}{note}, "
            f"asking {servers}"
        )
        where = cluster.as_data()
        del where["kubeconfig"], where["capabilities"]
        self._report.add("audit", {"schema": SCHEMA, "cluster": where, "chosen": choice, "timings": timings.as_data()})

    def selection(self, outcome: Outcome, sample: int = 0) -> None:
        """How much of it."""
        text = f"{outcome.services} of {outcome.all_services} Services"
        if sample:
            text += ", a sample: those of which the SHA-256 of namespace/name is the least"
        self._line(text)
        for why, count in outcome.skipped.items():
            self._line(f"not asked: {count} names and types, as {why}")
        if outcome.pods_refused:
            self._line(f"not asked: the records of Pods, as they cannot be listed: {outcome.pods_refused}")

    def finding(self, found: Finding) -> None:
        """At once, so that a killed audit has told it."""
        self._report.add("difference", found.as_data())
        self._output.print()
        self._output.print(Text(printable(found.text), "red"))

    def end(self, outcome: Outcome) -> None:
        """The table, and the outcome in one line."""
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("section", "clause", "type", "names", "wrong"):
            table.add_column(heading, justify="right" if heading in {"names", "wrong"} else "left")
        for row in outcome.table():
            table.add_row(*map(str, row))
        self._output.print()
        self._output.print(table)
        for key, why in outcome.unknown.items():
            self._output.print(Text(printable(f"unknown: {key.name} {key.rdtype}: {why}"), "yellow"))
        for why in outcome.incomplete:
            self._output.print(Text(printable(f"unknown: {why}"), "yellow"))
        style = {"conformant": "bold green", "nonconformant": "bold red"}.get(outcome.word(), "bold yellow")
        seconds = time.monotonic() - self._began
        self._output.print(Text(f"{outcome.word()}: {outcome.sentence()} in {seconds:.0f} s", style))
        self._report.summarise(self._head, outcome)
        self._report.add("end", outcome.as_data() | {"seconds": round(seconds, 1)})

    def _line(self, text: str) -> None:
        self._head.append(text)
        self._output.print(printable(text), markup=False)
