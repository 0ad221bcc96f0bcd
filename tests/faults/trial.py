"""The whole suite against one faulty server after the other, on workloads that are deployed once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import pytest

from faults.kit import Fault, Needs, Upstream, served
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.judging import pytest_options
from kube_dns_conformance.marks import RUN, WRITER
from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.run import Options, Run
from kube_dns_conformance.timings import timings

LIMITS = ("propagation=1", "cache=0.1", "answer=1", "hold=0.5")
"""Short time limits, so that a lie does not take a minute to be sure of. An honest server keeps them as well."""


@dataclass(frozen=True)
class Trial:
    """What the suite said: ``accused`` and ``unjudged`` have the first line of each requirement.

    ``seconds`` is how long the whole suite took, ``noticed`` after how many seconds who had to notice did.
    """

    fault: Fault | None
    accused: dict[str, str]
    unjudged: dict[str, str]
    seconds: float
    noticed: float = 0.0

    def problems(self) -> list[str]:
        """What is wrong with the suite, a line each: nothing when it noticed this lie, and accused nothing else."""
        missed = [f"{self.fault.caught_by} did not notice"] if self.fault and self._is_missed(self.fault) else []
        wrongly = [f"accused {name}: {line}" for name, line in self.accused.items() if not self._may_accuse(name)]
        return missed + wrongly + [f"could not judge {name}: {line}" for name, line in self.unjudged.items()]

    def _is_missed(self, fault: Fault) -> bool:
        return fault.is_lie and fault.caught_by not in self.accused

    def _may_accuse(self, name: str) -> bool:
        if self.fault is None or not self.fault.is_lie:
            return False
        return any(fnmatchcase(name, glob) for glob in (self.fault.caught_by, *self.fault.touches))


class StandingRun(Run):
    """Its workloads stay from one session of pytest to the next, and are settled before each."""

    def deploy(self, names: Iterable[str]) -> None:
        """Deploy once; the later sessions need the same."""
        if not self._situations:
            super().deploy(names)
        else:
            self.settle_again()

    def close(self) -> None:
        """Nothing goes at the end of a session."""

    def end(self) -> None:
        """Delete everything."""
        super().close()

    def ask(self, servers: Sequence[Server]) -> None:
        """Let the next session judge these servers."""
        several = frozenset({Capability.DNS_REPLICAS}) if len(servers) > 1 else frozenset()
        capabilities = self.cluster.capabilities - {Capability.DNS_REPLICAS} | several
        self._cluster = replace(self.cluster, dns=tuple(servers), capabilities=capabilities)


class Bench:
    """Judges faults on one cluster, each in a session of pytest with everything but the workloads new."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        servers = tuple(map(str, cluster.dns))
        options = Options(provider="existing", kubeconfig=str(cluster.kubeconfig), dns_servers=servers)
        self._run = StandingRun(options, timings(LIMITS))
        self._results = Results({}, [])

    def judge(self, fault: Fault | None, *requirements: str) -> Trial:
        """Run the suites, or these requirements, against this fault; without one against the real servers."""
        with ExitStack() as stack:
            servers = list(self._cluster.dns)
            if fault is not None:
                upstream = Upstream(servers[0], self._cluster.kubeconfig)
                right = servers[1:] if fault.needs is Needs.RIGHT_REPLICA else []
                servers = [*right, stack.enter_context(served(fault, upstream))]
            self._run.ask(servers)
            began = time.time()
            pytest.main([*pytest_options(), *(f"--requirement={one}" for one in requirements)], plugins=[self])
        return self._trial(fault, began)

    def close(self) -> None:
        """Delete the workloads."""
        self._run.end()

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Let this session judge with what stands."""
        config.stash[RUN] = self._run

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Keep what it found."""
        self._results = session.config.stash[WRITER].results

    def _trial(self, fault: Fault | None, began: float) -> Trial:
        found = self._results
        unjudged = self._lines(Verdict.UNKNOWN) | {one.requirement: "not run" for one in found.not_run()}
        noticed = [
            one.started + one.seconds - began
            for one in found.results
            if fault and one.requirement == fault.caught_by and one.verdict is Verdict.NONCONFORMANT
        ]
        return Trial(
            fault, self._lines(Verdict.NONCONFORMANT), unjudged, time.time() - began, min(noticed, default=0.0)
        )

    def _lines(self, verdict: Verdict) -> dict[str, str]:
        lines: dict[str, str] = {}
        for one in self._results.results:
            if one.verdict is verdict:
                lines.setdefault(one.requirement, one.message.removeprefix(f"{verdict.upper()} "))
        return lines
