"""`audit` from its options to its exit status."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.table import Table
from rich.text import Text

from kube_dns_conformance.agent.flight import GENTLE_RATE
from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.audit.findings import Finding, Outcome, Report
from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.audit.reach import insist_answering, pod_types
from kube_dns_conformance.audit.rounds import Auditor
from kube_dns_conformance.audit.selection import Selection, select
from kube_dns_conformance.clusters import store
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.errors import ExitCode, UsageError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import Output, step
from kube_dns_conformance.promises import Key, Promises
from kube_dns_conformance.run import Options, Run
from kube_dns_conformance.text import printable
from kube_dns_conformance.timings import Timings

SCHEMA = 1
NOT_SERVED = "the server does not know Pods by their addresses"


@dataclass(frozen=True)
class Choice:
    """What the command line says about what to audit, and where its report goes. ``sample`` 0 is everything.

    ``rate`` is how many questions a second may be asked, 0 as many as the servers answer.
    """

    namespaces: tuple[str, ...] = ()
    sample: int = 0
    rate: float = GENTLE_RATE
    report_dir: str = ""
    as_json: bool = False


def audit(options: Options, choice: Choice, timings: Timings) -> ExitCode:
    """Audit a cluster and say what came of it. Raises KdcError when it cannot be reached."""
    report = Report(choice.report_dir)
    say = Say(Output(file=sys.stderr if choice.as_json else sys.stdout, highlight=False, soft_wrap=True), report)
    run = Run(replace(running(options), read_only=True), timings)
    try:
        cluster = run.cluster
        say.where(cluster, asdict(choice), timings)
        checks = Checks(run.vantage, cluster.dns, choice.rate)
        insist_answering(checks, cluster, timings)
        outcome = _audit(cluster, checks, choice, timings, say)
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


def _audit(cluster: Cluster, checks: Checks, choice: Choice, timings: Timings, say: Say) -> Outcome:
    outcome = Outcome()
    with step("reading Services, EndpointSlices and Pods") as progress, outcome.spent_on("reading"):
        live = Live(Kube(cluster.kubeconfig, cluster.context), timings.api, progress)
    try:
        auditor = Auditor(live, checks, cluster.zone, timings, say.finding, outcome)
        promises = auditor.promises()
        selected = select(live, promises, cluster.zone, choice.namespaces, choice.sample)
        keys = _without_pods(selected, promises, pod_types(checks, promises, selected.keys))
        say.selection(selected, len(live.objects("Service")), live.pods_refused, choice.sample)
        gc.freeze()  # all of it stays: the collector need not look through it again and again
        auditor.audit(keys)
    finally:
        live.close()
    return outcome


def _without_pods(selected: Selection, promises: Promises, served: Iterable[str]) -> list[Key]:
    """Without the records of Pods of families that the servers do not have such records of."""
    known = frozenset(served)
    keys = [key for key in selected.keys if promises[key].section != "2.6" or key.rdtype in known]
    if left_out := len(selected.keys) - len(keys):
        selected.skipped[NOT_SERVED] += left_out
    return keys


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

    def selection(self, selected: Selection, services: int, pods_refused: str, sample: int) -> None:
        """How much of it."""
        text = f"{len(selected.services)} of {services} Services"
        if sample:
            text += ", a sample: those of which the SHA-256 of namespace/name is the least"
        self._line(text)
        for why, count in selected.skipped.items():
            self._line(f"not asked: {count} names and types, as {why}")
        if pods_refused:
            self._line(f"not asked: the records of Pods, as they cannot be listed: {pods_refused}")

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
            self._output.print(Text(f"unknown: {key.name} {key.rdtype}: {why}", "yellow"))
        style = {"conformant": "bold green", "nonconformant": "bold red"}.get(outcome.word(), "bold yellow")
        seconds = time.monotonic() - self._began
        self._output.print(Text(f"{outcome.word()}: {outcome.sentence()} in {seconds:.0f} s", style))
        self._report.summarise(self._head, outcome)
        self._report.add("end", outcome.as_data() | {"seconds": round(seconds, 1)})

    def _line(self, text: str) -> None:
        self._head.append(text)
        self._output.print(printable(text), markup=False)
