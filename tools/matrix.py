"""Implementations side by side: ``make matrix`` judges versions and configurations of CoreDNS on the same workloads.

Writes docs/matrix.md, and the report of each to reports/published. What one of them does otherwise is declared here
with the clause that says why it is right or wrong; ends with 1 when one is accused of something else, or not of what is
declared, and then the report of that one is not written.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from kube_dns_conformance.clusters import coredns, embedded, ports
from kube_dns_conformance.clusters.base import Cluster, Software
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.progress import step
from kube_dns_conformance.reports import conformance
from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.toolchain import Toolchain
from tools import pool, published
from tools.command import ToolsError, guarded
from tools.standing import Stand, own_cluster

PAGE = Path(__file__).parent.parent / "docs" / "matrix.md"
NEWEST = "1.15.0"
VERSIONS = ("1.11.4", "1.12.4", "1.13.2", "1.14.7", NEWEST)
VERDICTS = (Verdict.CONFORMANT, Verdict.NONCONFORMANT, Verdict.UNSUPPORTED)
WORKERS_PER_CORE = 2
"""With a cache much of judging is waiting for what it may keep."""

CACHE = """    cache 30 {
       disable success $zone
       disable denial $zone
    }
"""
NODE_LOCAL = """.:$dns_port {
    bind $address
    errors
    health $health
    prometheus $metrics
    cache {
        success 9984 30
        denial 9984 5
    }
    forward . UPSTREAM {
        force_tcp
    }
}
"""
"""As the Corefile of NodeLocal DNSCache has it for the zone of the cluster."""


@dataclass(frozen=True)
class Implementation:
    """One CoreDNS: what it is called, and how its Corefile differs from that of kubeadm.

    ``differs`` has globs of the requirements that it does not fulfil, each with the clause that says so.
    """

    name: str
    version: str = NEWEST
    edit: Callable[[str], str] = lambda text: text
    zone: str = "cluster.local"
    node_local: bool = False
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def configuration(self) -> str:
        """Its name as a folder; empty for that of kubeadm."""
        return "" if self.name == f"CoreDNS {self.version}" else re.sub(r"[^a-z0-9.]+", "-", self.name.lower())


def _instead(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        if old not in text:
            raise ToolsError(f"our Corefile has no {old!r} any more")
        return text.replace(old, new)

    return edit


def _kubernetes(line: str) -> Callable[[str], str]:
    return _instead("pods insecure", f"pods insecure\n       {line}")


def _autopath(text: str) -> str:
    text = _instead("pods insecure", "pods verified")(text)
    return _instead("    loadbalance\n", "    loadbalance\n    autopath @kubernetes\n")(text)


ONLY_NAMED_VERSIONS = ("1.11.4",)
ONLY_NAMED = dict.fromkeys(
    ["headless.ptr.nameless", "headless.ptr.several-services"],
    "2.4.3: every ready endpoint has its PTR record, named or not; so again since 1.12.1 (coredns#6898, coredns#7194)",
)
NEEDS_PODS = dict.fromkeys(
    [
        *("clusterip.family.*", "clusterip.names.*", "clusterip.srv.*", "clusterip.types.*", "externalname.*"),
        *("negative.types.*", "negative.soa.*", "replicas.agreement.*", "schema.case.*", "transport.edns.*"),
        *("transport.tcp.*", "ttl.records.can-be-kept", "survival.all-pods-replaced.*", "survival.service-recreated.*"),
        "survival.type-changed.*",
    ],
    "2.3.1: a Service with a ClusterIP has its record, ready Pods or not; these ask for one without",
)

IMPLEMENTATIONS = (
    *(
        Implementation(f"CoreDNS {one}", one, differs=ONLY_NAMED if one in ONLY_NAMED_VERSIONS else {})
        for one in VERSIONS
    ),
    Implementation("endpoint_pod_names", edit=_kubernetes("endpoint_pod_names")),
    Implementation("pods disabled", edit=_instead("pods insecure", "pods disabled")),
    Implementation("pods verified", edit=_instead("pods insecure", "pods verified")),
    Implementation("autopath", edit=_autopath),
    Implementation("without cache", edit=_instead(CACHE, "")),
    Implementation("cache of its own zone", edit=_instead(CACHE, "    cache 30\n")),
    Implementation("cache with serve_stale", edit=_instead(CACHE, "    cache 30 {\n       serve_stale\n    }\n")),
    Implementation("without loadbalance", edit=_instead("    loadbalance\n", "")),
    Implementation("zone corp.example", zone="corp.example"),
    Implementation("a cache as on nodes in front", node_local=True),
    Implementation(
        "ignore empty_service",
        edit=_kubernetes("ignore empty_service"),
        differs=NEEDS_PODS,
    ),
    # The cache makes it 5 s, also for a zone that it does not keep.
    Implementation("ttl 0", edit=_instead("ttl 30", "ttl 0")),
    Implementation(
        "ttl 0 without cache",
        edit=lambda text: _instead("ttl 30", "ttl 0")(_instead(CACHE, "")(text)),
        differs={"ttl.records.can-be-kept": "RFC 1123 6.1: zero is for what may be used once, and a ClusterIP stays"},
    ),
)

NAMED = {one.name: one for one in IMPLEMENTATIONS}

stand: Stand | None = None


@dataclass(frozen=True)
class Row:
    """What became of one implementation; ``lines`` are the first of each that is nonconformant, ``report`` is all."""

    implementation: Implementation
    verdicts: dict[str, Verdict]
    seconds: float
    lines: Sequence[str] = ()
    report: str = ""

    def of(self, verdict: Verdict) -> list[str]:
        """The requirements with this verdict."""
        return [name for name, found in self.verdicts.items() if found is verdict]

    def problems(self) -> list[str]:
        """What is not as declared, a line each."""
        wrong, declared = self.of(Verdict.NONCONFORMANT), self.implementation.differs
        strangers = [name for name in wrong if not any(fnmatchcase(name, glob) for glob in declared)]
        seen = {why for glob, why in declared.items() if any(fnmatchcase(name, glob) for name in wrong)}
        unjudged = self.of(Verdict.UNKNOWN) + self.of(Verdict.NOT_RUN)
        return [
            *(f"{name} is nonconformant, which nobody declared" for name in strangers),
            # Not every requirement that a clause touches shows it each time: whether all Pods go at once is luck.
            *(f"declared, and not seen: {why}" for why in dict.fromkeys(declared.values()) if why not in seen),
            *(f"{name} could not be judged" for name in unjudged),
        ]


def main() -> int:
    """The command line; 1 when an implementation is not as it is declared to be."""
    parser = argparse.ArgumentParser(
        prog="make matrix ARGS=…", description="Judges CoreDNS in versions and configurations."
    )
    parser.add_argument("--only", metavar="GLOB", default="*", help="these alone; docs/matrix.md stays as it is")
    glob = parser.parse_args().only
    chosen = [one for one in IMPLEMENTATIONS if fnmatchcase(one.name, glob)]
    if not chosen:
        parser.error(f"nothing matches {glob}; there is {', '.join(one.name for one in IMPLEMENTATIONS)}")
    for version in dict.fromkeys(one.version for one in chosen):
        _binary(version)
    began = time.monotonic()
    rows = run([one.name for one in chosen])
    for row in rows:
        counts = ", ".join(f"{len(row.of(verdict))} {verdict}" for verdict in VERDICTS)
        print(f"{row.implementation.name}: {counts} in {row.seconds:.0f} s", *row.lines, *row.problems(), sep="\n  ")
    for row in rows:
        if not row.problems():
            published.keep(row.report, row.implementation.configuration)
    published.write_page()
    if len(chosen) == len(IMPLEMENTATIONS):
        PAGE.write_text(page(rows, time.monotonic() - began))
    return 1 if any(row.problems() for row in rows) else 0


def run(names: Sequence[str]) -> list[Row]:
    """Judge these, several at once on one cluster."""
    workers = WORKERS_PER_CORE * (os.cpu_count() or 1)
    rows: list[Row] = []
    with own_cluster("matrix") as cluster, step("judging implementations") as progress:
        progress.update(done=0, total=len(names))
        for name, verdicts, seconds, lines, report in pool.each(judge, names, workers, prepare, cluster):
            rows.append(Row(NAMED[name], verdicts, seconds, lines, report))
            progress.update(done=len(rows), note=name)
    return sorted(rows, key=lambda row: names.index(row.implementation.name))


def prepare(cluster: Cluster) -> None:
    """A process of the pool deploys its workloads when it first needs them."""
    global stand  # noqa: PLW0603 - what a process keeps from one task to the next
    stand = Stand(cluster, Timings())


def judge(name: str) -> tuple[str, dict[str, Verdict], float, list[str], str]:
    """One task of a process of the pool: the values of its row, with the name of what is judged."""
    assert stand is not None
    one, began = NAMED[name], time.monotonic()
    with ExitStack() as running:
        software = Software("coredns", one.version)
        found = stand.judge_others(_servers(stand.cluster, one, running), one.zone, software)
    lines = [result.message for result in found.results if result.verdict is Verdict.NONCONFORMANT]
    return name, found.by_requirement(), time.monotonic() - began, lines, conformance.text(_named(found, name))


def _named(found: Results, name: str) -> Results:
    """A process of the pool does not know by which command it is done again."""
    return replace(found, run=found.run | {"command": f"make matrix ARGS='--only \"{name}\"'"})


def _binary(version: str) -> Path:
    return Toolchain(versions={"coredns": version}).need("coredns")["coredns"]


def _servers(cluster: Cluster, one: Implementation, running: ExitStack) -> list[Server]:
    """Two replicas that answer while this is ``running``; or one cache in front of one."""
    index, binary = IMPLEMENTATIONS.index(one), _binary(one.version)
    names = [f"dns-{index}-{each}" for each in range(1 if one.node_local else embedded.DNS_REPLICAS)]
    replicas = [_start(cluster, name, binary, one.zone, one.edit(coredns.ours()), running) for name in names]
    if not one.node_local:
        return replicas
    cache = NODE_LOCAL.replace("UPSTREAM", str(replicas[0]))
    return [_start(cluster, f"cache-{index}", binary, one.zone, cache, running)]


def _start(cluster: Cluster, name: str, binary: Path, zone: str, template: str, running: ExitStack) -> Server:
    host = cluster.dns[0].host
    with ports.Reserved() as reserved:
        (port,) = reserved.free(1, host)
        server = Server(name, host, port, single=True)
        corefile = coredns.configuration(cluster.kubeconfig, zone, server, reserved, template)
        replica = coredns.start(cluster.kubeconfig.parent, binary, server, corefile)
        running.callback(replica.process.kill)
        # CoreDNS answers this once it has read the cluster; kubernetes.default has no endpoint here, and may be denied.
        question = Question(f"dns-version.{zone}.", "TXT")
        embedded.wait_answering(replica, question, time.monotonic() + embedded.START_SECONDS)
    return server


def page(rows: Sequence[Row], seconds: float) -> str:
    """The matrix, for people."""
    every = list(dict.fromkeys(name for row in rows for name in row.verdicts))
    differing = [name for name in every if len({row.verdicts.get(name) for row in rows}) > 1]
    return "\n".join(
        [
            "# Implementations side by side",
            "",
            f"CoreDNS {NEWEST} with kubeadm's Corefile but for what the name says, where no version is named. Two",
            "replicas on an embedded dual-stack cluster, judged by the whole suite with the usual time limits.",
            "*Unsupported* is what needs Pods that run, or what a configuration leaves out. Where answers are cached",
            "for long, most of the seconds are those that a cache is granted after each change.",
            f"`make matrix` wrote this page in {seconds:.0f} s on {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}.",
            "",
            f"| implementation | {' | '.join(VERDICTS)} | seconds |",
            "|---|--:|--:|--:|--:|",
            *(_line(row) for row in rows),
            "",
            "What differs, and the clause that says who is right. Where none is named, the configuration leaves out",
            "what is needed: records of Pods by their addresses, or replicas that can be asked one by one.",
            "",
            "| implementation | verdict | requirements | |",
            "|---|---|---|---|",
            *(line for row in rows for line in _differences(row, differing)),
            "",
        ]
    )


def _line(row: Row) -> str:
    counts = " | ".join(str(len(row.of(verdict))) for verdict in VERDICTS)
    return f"| {row.implementation.name} | {counts} | {row.seconds:.0f} |"


def _differences(row: Row, names: Sequence[str]) -> Iterator[str]:
    """A line for each verdict other than conformant and each reason for it."""
    alike: dict[tuple[Verdict, str], list[str]] = {}
    for name in names:
        verdict = row.verdicts.get(name, Verdict.NOT_RUN)
        why = next((text for glob, text in row.implementation.differs.items() if fnmatchcase(name, glob)), "")
        if verdict is not Verdict.CONFORMANT:
            alike.setdefault((verdict, why), []).append(f"`{name}`")
    for (verdict, why), found in alike.items():
        yield f"| {row.implementation.name} | {verdict} | {', '.join(found)} | {why} |"


if __name__ == "__main__":
    guarded(main)
