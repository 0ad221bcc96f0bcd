"""One run: its cluster, its situations, its clean-up. Made lazily, so that collecting tests costs nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kube_dns_conformance import barrier, leftovers, situations
from kube_dns_conformance.clusters import embedded, existing, store
from kube_dns_conformance.clusters.base import Cluster, IpFamily
from kube_dns_conformance.errors import KdcError, UsageError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.progress import console, step
from kube_dns_conformance.signals import cleaning_up
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import ThisProcess

PROVIDERS = ("embedded", "existing")


@dataclass(frozen=True)
class Options:
    """What the command line says about where to judge."""

    provider: str = ""
    cluster_name: str = ""
    kubeconfig: str = ""
    context: str = ""
    zone: str = ""
    dns_servers: tuple[str, ...] = ()
    family: IpFamily | None = None
    versions: dict[str, str] = field(default_factory=dict)

    def chosen_provider(self) -> tuple[str, str]:
        """The provider and why."""
        if self.provider:
            return self.provider, "asked for"
        return "embedded", "needs no containers"


class Run:
    """Holds what one run made, and takes it away again in `close`."""

    def __init__(self, options: Options, timings: Timings) -> None:
        self.id = secrets.token_hex(4)
        self.options = options
        self.timings = timings
        self.vantage = ThisProcess(timings.answer)
        self.spent: dict[str, float] = {}
        self._cluster: Cluster | None = None
        self._made_cluster = False
        self._kube: Kube | None = None
        self._mirror: Mirror | None = None
        self._situations: dict[str, Situation] = {}
        self._failures: dict[str, KdcError] = {}

    @property
    def cluster(self) -> Cluster:
        """The cluster; started or connected to on first use."""
        if self._cluster is None:
            began = time.monotonic()
            self._cluster = self._open()
            self.spent["cluster"] = time.monotonic() - began
        return self._cluster

    def deploy(self, names: Iterable[str]) -> None:
        """Apply every situation at once, and wait until all are settled and DNS has caught up."""
        began = time.monotonic()
        with step("deploying the sample workloads"):
            cluster = self.cluster
            self._kube = Kube(cluster.kubeconfig, cluster.context)
            selector = f"{situations.RUN_LABEL}={self.id}"
            self._mirror = Mirror(self._kube, selector, self.timings.api)
            made = situations.prepare(names, self.id, cluster.zone, self._kube, self._mirror, self.timings)
            self._situations = {one.name: one for one in made}  # known before they exist, so that `close` deletes them
            if not self._made_cluster:
                self._look_after(self._kube)
            situations.deploy(made, self.id, self._kube)
            self._wait_settled()
        self.spent["workloads"] = time.monotonic() - began

    def situation(self, name: str) -> Situation:
        """A settled situation. Raises what kept it from settling."""
        if name in self._failures:
            raise self._failures[name]
        return self._situations[name]

    def save_logs(self, directory: Path) -> None:
        """Copy the logs of an embedded cluster's DNS replicas and control plane, before they go with the cluster."""
        if self._cluster is None or self._cluster.provider != "embedded":
            return
        directory.mkdir(parents=True, exist_ok=True)
        for log in self._cluster.kubeconfig.parent.rglob("logs/*.log"):
            shutil.copy(log, directory / log.name)

    def close(self) -> None:
        """Delete what the run made: its cluster, or its namespaces in somebody else's. Says what did not work."""
        began = time.monotonic()
        with cleaning_up():
            if self._mirror is not None:
                self._mirror.close()
            for problem in self._delete():
                console.print(problem, markup=False)
        self._cluster, self._kube, self._made_cluster = None, None, False
        self.spent["clean-up"] = time.monotonic() - began

    def _delete(self) -> list[str]:
        if self._made_cluster and self._cluster is not None:
            try:
                store.end(self._cluster.name)
            except KdcError as error:
                return [str(error)]
        elif self._kube is not None:
            problems = situations.delete([one.namespace for one in self._situations.values()], self._kube)
            if not problems:
                leftovers.forget(self.id)
            return problems
        return []

    def _look_after(self, kube: Kube) -> None:
        """Delete what killed runs left in this cluster, and note what the next run has to should this one be killed."""
        for line in leftovers.delete(kube):
            console.print(line, markup=False)
        try:
            leftovers.note(self.id, kube.host, [one.namespace for one in self._situations.values()])
        except OSError as error:
            console.print(f"should this run be killed, its namespaces will stay: {error}", markup=False)

    def _wait_settled(self) -> None:
        for name, one in self._situations.items():
            try:
                one.wait_settled()
            except KdcError as error:
                self._failures[name] = error
        if self._kube is not None and self._situations:
            first = next(iter(self._situations.values()))
            barrier.wait_caught_up(self._kube, self.cluster, first.namespace, self.timings.propagation)

    def _open(self) -> Cluster:
        provider, _ = self.options.chosen_provider()
        chosen = self.options
        if provider == "existing":
            return existing.connect(chosen.kubeconfig, chosen.context, chosen.zone, chosen.dns_servers)
        if chosen.kubeconfig or chosen.context:
            raise UsageError("--kubeconfig and --context go with --cluster existing")
        cluster = self._open_embedded()
        return existing.with_servers(cluster, chosen.dns_servers) if chosen.dns_servers else cluster

    def _open_embedded(self) -> Cluster:
        chosen = self.options
        options = embedded.Options(family=chosen.family, zone=chosen.zone, versions=chosen.versions)
        cluster = embedded.up(chosen.cluster_name or f"run-{self.id}", options, keep=False)
        self._made_cluster = not store.load(store.directory(cluster.name)).kept
        return cluster


def report_directory(chosen: str) -> Path:
    """Where the report goes: as chosen, else a new directory for each run below ``kdc-report``."""
    if chosen:
        return Path(chosen)
    return Path("kdc-report") / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
