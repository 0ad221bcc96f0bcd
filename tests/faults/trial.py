"""The whole suite against one faulty server, and whether what it said is what it had to say."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase

from faults.kit import FAULTS, Fault, Needs, Upstream, served
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.timings import timings
from tools.standing import Stand

LIMITS = ("propagation=1", "cache=0.1", "hold=0.5", "late=0.5", "stable=2", "slot=0.2")
"""Short time limits, so that a lie does not take a minute to be sure of. An honest server keeps them as well."""


@dataclass(frozen=True)
class Trial:
    """What the suite said: ``accused`` and ``unjudged`` have the first line of each requirement.

    ``name`` is the fault's, empty for the real servers. ``seconds`` is how long the whole suite took, ``noticed`` after
    how many seconds whoever had to notice did.
    """

    name: str
    accused: dict[str, str]
    unjudged: dict[str, str]
    seconds: float
    noticed: float = 0.0

    @property
    def fault(self) -> Fault | None:
        """Of the server that was judged; None for the real ones."""
        return FAULTS.get(self.name)

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


class Bench:
    """Judges faults on one cluster, one after the other."""

    def __init__(self, cluster: Cluster, *limits: str) -> None:
        """``limits`` are beyond `LIMITS`, or in their place."""
        self._cluster = cluster
        self._stand = Stand(cluster, timings([*LIMITS, *limits]))

    def judge(self, name: str, *requirements: str) -> Trial:
        """What is said of a fault by the suites, or these requirements; without a name of the real servers."""
        began = time.time()
        return trial_of(name, self.run(name, *requirements), began)

    def run(self, name: str, *requirements: str) -> Results:
        """Run the suites, or these requirements, against a fault; without a name against the real servers."""
        with ExitStack() as stack:
            servers = list(self._cluster.dns)
            if name:
                fault, upstream = FAULTS[name], Upstream(servers[0], self._cluster.kubeconfig)
                right = servers[1:] if fault.needs is Needs.RIGHT_REPLICA else []
                servers = [*right, stack.enter_context(served(fault, upstream))]
            return self._stand.judge(servers, *requirements)

    def close(self) -> None:
        """Delete the workloads."""
        self._stand.close()


def trial_of(name: str, found: Results, began: float) -> Trial:
    """What the results of one run say about this fault; ``began`` is when it was started (epoch seconds)."""
    caught_by = FAULTS[name].caught_by if name else ""
    unjudged = lines(found, Verdict.UNKNOWN) | {one.requirement: "not run" for one in found.not_run()}
    noticed = [
        one.started + one.seconds - began
        for one in found.results
        if one.requirement == caught_by and one.verdict is Verdict.NONCONFORMANT
    ]
    accused, seconds = lines(found, Verdict.NONCONFORMANT), time.time() - began
    return Trial(name, accused, unjudged, seconds, min(noticed, default=0.0))


def lines(found: Results, verdict: Verdict) -> dict[str, str]:
    """The first line of each requirement with this verdict."""
    known: dict[str, str] = {}
    for one in found.results:
        if one.verdict is verdict:
            known.setdefault(one.requirement, one.message.removeprefix(f"{verdict.upper()} "))
    return known
