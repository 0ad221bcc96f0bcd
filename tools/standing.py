"""The suites against one set of DNS servers after the other, on workloads that are deployed once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from kube_dns_conformance import features, oracle
from kube_dns_conformance.chosen import Options
from kube_dns_conformance.clusters import embedded, store
from kube_dns_conformance.clusters.base import Capability, Cluster, IpFamily, Software
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.judging import pytest_options
from kube_dns_conformance.marks import RUN, WRITER
from kube_dns_conformance.results import Results
from kube_dns_conformance.run import Run
from kube_dns_conformance.timings import Timings

FOUND_BY_ASKING = {Capability.POD_RECORDS, Capability.CLUSTER_SET}
POD_RECORDS = "podrecords/dashed"
"""The situation whose Pod is looked for: there are servers that answer only for Pods that exist."""


@contextmanager
def own_cluster(name: str) -> Iterator[Cluster]:
    """An embedded cluster with both families for the block alone; whatever is made in it goes with it."""
    with tempfile.TemporaryDirectory(prefix="kdc-") as state:
        os.environ["KDC_STATE"] = state
        try:
            yield embedded.up(name, embedded.Options(family=IpFamily.DUAL), keep=False)
        finally:
            store.end(name)


class StandingRun(Run):
    """Its workloads stay from one session of pytest to the next, and are settled before each."""

    def deploy(self, names: Iterable[str]) -> None:
        """Deploy what no session before this one has deployed."""
        for one in self._situations.values():
            one.zone = self.cluster.zone
            one.scale_back()
        self.settle_again()
        super().deploy([name for name in names if name not in self._situations])

    def close(self) -> None:
        """Nothing goes at the end of a session."""

    def end(self) -> None:
        """Delete everything."""
        super().close()

    def ask(self, servers: Sequence[Server], zone: str, *software: Software) -> None:
        """Let the next session judge these servers, of this zone; nobody can see which ``software`` they are."""
        several = frozenset({Capability.DNS_REPLICAS}) if len(servers) > 1 else frozenset()
        capabilities = self.cluster.capabilities - {Capability.DNS_REPLICAS} | several
        self._cluster = replace(
            self.cluster, dns=tuple(servers), zone=zone, capabilities=capabilities, implementation=software
        )

    def look(self) -> None:
        """Find out anew what the servers can do, which differs where they are of another kind."""
        if POD_RECORDS not in self._situations:
            super().deploy([POD_RECORDS])
        pods = self.situation(POD_RECORDS)
        addresses = [(one["ip"], pods.namespace) for one in oracle.pod_ips(pods.pod("web"))]
        seen = features.find(self.cluster, self.vantage, addresses)
        self._cluster = replace(
            self.cluster, capabilities=self.cluster.capabilities - FOUND_BY_ASKING | seen.capabilities
        )


class Stand:
    """Workloads on a running cluster, and whoever is judged on them: each in a session of pytest of its own."""

    def __init__(self, cluster: Cluster, timings: Timings) -> None:
        """The workloads are deployed when they are needed first."""
        self.cluster = cluster
        servers = tuple(map(str, cluster.dns))
        options = Options(
            provider="existing", kubeconfig=str(cluster.kubeconfig), dns_servers=servers, zone=cluster.zone
        )
        self.run = StandingRun(options, timings)
        self._results = Results({}, [])

    def judge(self, servers: Sequence[Server], *requirements: str) -> Results:
        """Run the suites, or these requirements, against these servers."""
        self.run.ask(servers, self.cluster.zone)
        return self._session(*requirements)

    def judge_others(self, servers: Sequence[Server], zone: str, software: Software) -> Results:
        """The same for servers of another kind: of this zone, and with what they are seen to be able to do."""
        self.run.ask(servers, zone, software)
        self.run.look()
        return self._session()

    def _session(self, *requirements: str) -> Results:
        options = [*pytest_options(), *(f"--requirement={one}" for one in requirements)]
        pytest.main(options, plugins=[self])
        return self._results

    def close(self) -> None:
        """Delete the workloads."""
        self.run.end()

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Let this session judge with what stands."""
        config.stash[RUN] = self.run

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Keep what it found."""
        self._results = session.config.stash[WRITER].results
