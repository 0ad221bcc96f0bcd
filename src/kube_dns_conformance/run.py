"""One run: its cluster, its situations, its clean-up. Made lazily, so that collecting tests costs nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kube_dns_conformance import (
    barrier,
    features,
    images,
    inside,
    leftovers,
    oracle,
    redact,
    scaling,
    situations,
    terminating,
)
from kube_dns_conformance.agent import workload
from kube_dns_conformance.chosen import Options, open_cluster
from kube_dns_conformance.clusters import kind, store
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError, KdcError
from kube_dns_conformance.kube import RUN_LABEL, Kube
from kube_dns_conformance.ledger import Ledger
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.progress import console, step
from kube_dns_conformance.signals import cleaning_up
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import ThisProcess, Vantage


class Run:
    """Holds what one run made, and takes it away again in `close`."""

    def __init__(self, options: Options, timings: Timings) -> None:
        self.id = secrets.token_hex(4)
        self._token = secrets.token_urlsafe(24)
        self._is_guest = False
        redact.remember(self._token)
        self.options = options
        self.timings = timings
        self.vantage: Vantage = ThisProcess(timings.answer)
        self.spent: dict[str, float] = {}
        self.silent: tuple[Server, ...] = ()
        self._cluster: Cluster | None = None
        self._made_cluster = self._is_ours = False
        self._private: tempfile.TemporaryDirectory[str] | None = None
        self.ledger = Ledger(self.id, timings.api)
        self._kube: Kube | None = None
        self._mirror: Mirror | None = None
        self._situations: dict[str, Situation] = {}
        self._failures: dict[str, KdcError] = {}

    @property
    def cluster(self) -> Cluster:
        """The cluster; started or connected to on first use."""
        if self._cluster is None:
            began = time.monotonic()
            self._cluster, self._made_cluster, self._is_ours, self._private = open_cluster(self.options, self.id)
            if self._asks_from_inside():
                with step("starting the agents that ask from inside"):
                    self._cluster = self._go_inside(self._cluster)
            seen = features.find(self._cluster, self.vantage, self._agent_addresses())
            self.silent = seen.silent
            more = seen.capabilities | self._may_interrupt(self._cluster)
            more |= {Capability.UPGRADED} if self.options.upgrade else set()
            self._cluster = replace(self._cluster, capabilities=self._cluster.capabilities | more)
            self.spent["cluster"] = time.monotonic() - began
        return self._cluster

    def invitation(self) -> dict[str, Any]:
        """What another process of this machine needs to `join`, as JSON can carry it. Holds the token of the agents."""
        return {
            "id": self.id,
            "token": self._token,
            "cluster": self.cluster.as_data(),
            "made_cluster": self._made_cluster,
            "namespaces": self.ledger.namespaces,
            "situations": list(self._situations),
            "failures": {name: str(error) for name, error in self._failures.items()},
        }

    @classmethod
    def join(cls, invitation: Mapping[str, Any], options: Options, timings: Timings) -> Run:
        """The run of another process, with its cluster and situations: nothing is made, and `close` deletes nothing."""
        run = cls(options, timings)
        run.id, run._token, run._is_guest = invitation["id"], invitation["token"], True
        redact.remember(run._token)
        run._cluster = cluster = Cluster.from_data(invitation["cluster"])
        run._made_cluster = invitation["made_cluster"]
        run.ledger = Ledger(run.id, timings.api)
        run.ledger.namespaces = list(invitation["namespaces"])
        run._failures = {name: ClusterError(why) for name, why in invitation["failures"].items()}
        kube, mirror = run._connect(cluster)
        if run._asks_from_inside():
            run.vantage = inside.join(kube, mirror, run.id, run._token, timings)
        made = situations.prepare(invitation["situations"], run.id, cluster.zone, kube, mirror, timings)
        for one in made:
            one.equip(run.id, run._agent_image, run._token)
        run._situations = {one.name: one for one in made}
        return run

    def own(self) -> None:
        """The process whose run this is has died: this one deletes in the end what that one made."""
        self._is_guest = False
        self.ledger.note()

    def deploy(self, names: Iterable[str]) -> None:
        """Apply every situation at once, and wait until all are settled and DNS has caught up."""
        began = time.monotonic()
        with step("deploying the sample workloads"):
            cluster = self.cluster
            kube, mirror = self._connect(cluster)
            made = situations.prepare(names, self.id, cluster.zone, kube, mirror, self.timings)
            self._situations |= {one.name: one for one in made}
            for one in made:
                one.equip(self.id, self._agent_image, self._token)
                images.take_from(one.manifest, self.options.image_registry)
            self._will_make([one.namespace for one in made], kube)
            self._failures |= situations.deploy(made)
            self._wait_settled()
        self.spent["workloads"] = time.monotonic() - began

    def situation(self, name: str) -> Situation:
        """A settled situation. Raises what kept it from settling."""
        if name in self._failures:
            raise self._failures[name]
        if self._is_guest:  # what others did to nodes, DNS and the API server meanwhile is over, but may just have been
            _, mirror = self._connect(self.cluster)
            mirror.wait_alive(self.timings.settle)
            self.look_again()
            self._situations[name].wait_settled()
        return self._situations[name]

    def will_take_away(self, namespace: str) -> tuple[Kube, Mirror]:
        """For what is made there beside agents and situations: it goes with the others. Raises ClusterError."""
        kube, mirror = self._connect(self.cluster)
        self._will_make([namespace], kube)
        return kube, mirror

    def look_again(self) -> None:
        """See which DNS servers there are now, where they may have been exchanged for others. Raises ClusterError."""
        if Capability.RESTART_DNS in self.cluster.capabilities and isinstance(self.vantage, inside.Inside):
            kube, _ = self._connect(self.cluster)
            seen = inside.look(kube, self.cluster, self.vantage, self.id, self.options.zone)
            self._cluster = replace(self.cluster, dns=seen.dns, implementation=seen.implementation)

    def settle_again(self) -> None:
        """Wait until every situation that was settled is so again, after what concerned them all."""
        for name in self._situations.keys() - self._failures.keys():
            self._situations[name].wait_settled()

    def save_logs(self, directory: Path) -> None:
        """Copy the logs of a cluster of ours, before they go with it. Says what did not work."""
        try:
            if self._cluster is None or not self._is_ours:
                return  # what else runs there is not for our report
            try:
                self._copy_logs(self._cluster, directory)
            finally:
                redact.files(directory)  # also what there is of them when something went wrong
        except (KdcError, OSError) as error:
            console.print(f"the cluster's logs are not complete: {error}", markup=False)

    def _copy_logs(self, cluster: Cluster, directory: Path) -> None:
        if cluster.provider == "kind":
            kind.save_logs(cluster.name, directory)
            return
        directory.mkdir(parents=True, exist_ok=True)
        for log in cluster.kubeconfig.parent.rglob("logs/*.log"):
            shutil.copy(log, directory / log.name)

    def close(self) -> None:
        """Delete what the run made: its cluster, or its namespaces in somebody else's. Says what did not work."""
        began = time.monotonic()
        with cleaning_up():
            if self._mirror is not None:
                self._mirror.close()
            for problem in self._delete():
                console.print(problem, markup=False)
            if self._private is not None:
                self._private.cleanup()
        self._cluster, self._kube, self._made_cluster = None, None, False
        self.spent["clean-up"] = time.monotonic() - began

    def _delete(self) -> list[str]:
        if self._is_guest:
            return []
        if self._made_cluster and self._cluster is not None:
            try:
                store.end(self._cluster.name)
            except KdcError as error:
                return [str(error)]
        elif self._kube is not None:
            problems = situations.delete(self.ledger.namespaces, self._kube)
            if not problems:
                self.ledger.settled()
            return problems or terminating.hanging(self.ledger.namespaces, self._kube)
        return []

    def _connect(self, cluster: Cluster) -> tuple[Kube, Mirror]:
        """The API of the cluster, and the copy of what this run makes there; once for the run."""
        if self._kube is None or self._mirror is None:
            self._kube = Kube(cluster.kubeconfig, cluster.context)
            self._mirror = Mirror(self._kube, f"{RUN_LABEL}={self.id}", self.timings.api)
            self.ledger.server = "" if self._made_cluster else self._kube.host
        return self._kube, self._mirror

    def _asks_from_inside(self) -> bool:
        return self.options.chosen_provider[0] != "embedded" and not self.options.dns_servers

    def _go_inside(self, cluster: Cluster) -> Cluster:
        kube, mirror = self._connect(cluster)
        self._will_make([workload.namespace_of(self.id)], kube)
        image = images.image(self._agent_image, self.options.image_registry)
        self.vantage = vantage = inside.enter(
            kube, mirror, self.id, image, self._token, self.timings, every_node=self.options.every_node
        )
        seen = inside.look(kube, cluster, vantage, self.id, self.options.zone)
        inside.wait_answering(seen, vantage, self.timings)
        return seen

    def _agent_addresses(self) -> list[tuple[str, str]]:
        namespace = workload.namespace_of(self.id)
        pods = self._mirror.objects("Pod", namespace) if self._mirror else []
        return [(one["ip"], namespace) for pod in pods for one in oracle.pod_ips(pod)]

    @property
    def _agent_image(self) -> str:
        return self.options.agent_image or images.AGENT_IMAGE

    def _will_make(self, namespaces: list[str], kube: Kube) -> None:
        """Known before they exist, so that `close` deletes them, or the next run should this one be killed."""
        self.ledger.namespaces += namespaces
        if not self._made_cluster:
            self._look_after(kube)

    def _look_after(self, kube: Kube) -> None:
        """Delete what killed runs left in this cluster, and note what the next run has to should this one be killed."""
        for line in leftovers.delete(kube):
            console.print(line, markup=False)
        self.ledger.note()

    def _wait_settled(self) -> None:
        for name, one in self._situations.items():
            try:
                if name not in self._failures:
                    one.wait_settled()
            except KdcError as error:
                self._failures[name] = error
        if self._kube is not None and self._situations:
            first = next(iter(self._situations.values()))
            barrier.wait_caught_up(self._kube, self.cluster, self.vantage, first.namespace, self.timings.propagation)

    def _may_interrupt(self, cluster: Cluster) -> set[Capability]:
        """Whoever else may be using a cluster at this moment is not left without DNS, unless somebody said so."""
        if self.options.dns_servers or not (self._made_cluster or self.options.allow_disruptive):
            return set()
        if cluster.provider == "embedded":
            return {Capability.RESTART_DNS, Capability.STOP_API_SERVER}
        hosts = {server.host for server in cluster.dns if server.single}
        if not hosts:
            return set()
        kube, _ = self._connect(cluster)
        scalable = {Capability.SCALE_DNS} if scaling.deployment_of(kube, hosts) else set()
        return {Capability.RESTART_DNS} | scalable


def report_directory(chosen: str) -> Path:
    """Where the report goes: as chosen, else a new directory for each run below ``kdc-report``."""
    if chosen:
        return Path(chosen)
    return Path("kdc-report") / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
