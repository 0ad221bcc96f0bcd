"""What the DNS of a cluster was and said at one time: where it is asked, what it is, and every record."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from kube_dns_conformance import redact
from kube_dns_conformance.agent.discovery import configuration
from kube_dns_conformance.audit.checks import BATCH_QUESTIONS, Checks
from kube_dns_conformance.audit.findings import Finding
from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.audit.reach import insist_answering, pod_types
from kube_dns_conformance.audit.rounds import Auditor
from kube_dns_conformance.audit.selection import select
from kube_dns_conformance.clock import now
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import step
from kube_dns_conformance.promises import Key, Promises
from kube_dns_conformance.run import Run
from kube_dns_conformance.text import in_order

FEATURES = (
    Capability.IPV4,
    Capability.IPV6,
    Capability.POD_RECORDS,
    Capability.CLUSTER_SET,
    Capability.NODE_LOCAL_CACHE,
)
"""What a DNS server may serve or leave out."""


@dataclass(frozen=True)
class Snapshot:
    """``taken`` is in epoch seconds. ``addresses`` are what Pods are told to ask, ``replicas`` the processes behind.

    ``records`` are by name and type what the objects promised and what was answered; ``wrong`` is what an audit found
    wrong of them, ``unknown`` what it could not judge. ``configuration`` is empty where nobody may see it.
    ``denied_for`` is for how long (seconds) it may be kept that a name does not exist; for how long a record may be,
    nobody sees behind a cache.
    """

    taken: float
    kubernetes: str
    zone: str
    addresses: tuple[str, ...]
    replicas: tuple[str, ...]
    software: tuple[str, ...]
    features: tuple[Capability, ...]
    configuration: Mapping[str, str]
    records: Mapping[str, Mapping[str, str]]
    denied_for: int | None
    wrong: Mapping[str, str]
    unknown: Mapping[str, str]
    problem: str = ""

    def without_dns(self, problem: str) -> Snapshot:
        """Of the same cluster, when its DNS could not be looked at."""
        nothing: dict[str, Any] = {"records": {}, "wrong": {}, "unknown": {}, "configuration": {}, "denied_for": None}
        return replace(self, taken=round(now(), 3), replicas=(), software=(), **nothing, problem=problem)

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Snapshot:
        """What `as_data` was made of."""
        fields: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in data.items()}
        return cls(**fields | {"features": tuple(map(Capability, data["features"]))})


def take(run: Run, namespaces: Collection[str] = ()) -> Snapshot:
    """Look at the cluster of a run, and ask for everything that its objects promise, or those of these namespaces.

    Raises ClusterError, UsageError when there is no Service.
    """
    cluster = run.cluster
    checks = Checks(run.vantage, cluster.dns)
    insist_answering(checks, cluster.zone, run.timings)
    kube = Kube(cluster.kubeconfig, cluster.context)
    with step("reading Services, EndpointSlices and Pods") as progress:
        live = Live(kube, run.timings.api, progress)
    try:
        auditor = Auditor(live, checks, cluster.zone, run.timings, lambda _: None)
        promises = auditor.promises()
        selected = select(live, promises, cluster.zone, namespaces, 0)
        served = pod_types(checks, promises, selected.keys)
        keys = [key for key in selected.keys if promises[key].section != "2.6" or key.rdtype in served]
        auditor.audit(keys)
        promises = auditor.promises()  # without what has gone meanwhile
        answers = _ask(checks, [key for key in keys if key in promises])
    finally:
        live.close()
    addresses = [one.host for one in cluster.dns if not one.single]
    replicas = [one.host for one in cluster.dns if one.single]
    maps: dict[str, str] = {}
    for address in addresses:
        maps |= configuration(kube, address, replicas)
    return Snapshot(
        taken=round(now(), 3),
        kubernetes=cluster.kubernetes,
        zone=cluster.zone,
        addresses=tuple(in_order(addresses)),
        replicas=tuple(in_order(one.host for one in cluster.dns if one.single)),
        software=_software(cluster),
        features=tuple(one for one in FEATURES if one in cluster.capabilities),
        configuration={name: redact.text(text) for name, text in maps.items()},
        records=_records(promises, answers),
        denied_for=_denied_for(checks, cluster.zone),
        wrong={_named(one.key): one.message for one in _first(auditor.outcome.findings)},
        unknown={_named(key): why for key, why in auditor.outcome.unknown.items()},
    )


def _ask(checks: Checks, keys: list[Key]) -> dict[Key, Answer]:
    """What whoever asks as Pods do is told."""
    found: dict[Key, Answer] = {}
    server = checks.servers[0]
    with step(f"asking {len(keys)} names and types") as progress:
        for start in range(0, len(keys), BATCH_QUESTIONS):
            some = keys[start : start + BATCH_QUESTIONS]
            answers = checks.answers([(Question(*key), server) for key in some])
            found |= dict(zip(some, answers, strict=True))
            progress.update(done=start + len(some), total=len(keys))
    return found


def _records(promises: Promises, answers: Mapping[Key, Answer]) -> dict[str, dict[str, str]]:
    return {
        _named(key): {"promised": str(promises[key].expected()), "said": _said(answer)}
        for key, answer in answers.items()
    }


def _said(answer: Answer) -> str:
    if answer.problem is not None:
        return answer.problem
    return " ".join([str(answer.rcode), *in_order(one.value for one in answer.records)])


def _denied_for(checks: Checks, zone: str) -> int | None:
    nobody = Question(f"kdc-{secrets.token_hex(8)}.default.svc.{zone}.", "A")
    (answer,) = checks.ask([(nobody, checks.servers[0], "udp")])
    return answer.negative_ttl


def _software(cluster: Cluster) -> tuple[str, ...]:
    return tuple(sorted(f"{one.name} {one.version}".strip() for one in cluster.implementation))


def _first(findings: list[Finding]) -> list[Finding]:
    return list({one.key: one for one in reversed(findings)}.values())


def _named(key: Key) -> str:
    return f"{key.name} {key.rdtype}"
