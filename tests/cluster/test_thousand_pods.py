"""A StatefulSet of a thousand Pods is rolled while every one of its names is watched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kube_dns_conformance import expectations, situations
from kube_dns_conformance.change import observe
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.judge import Expectations, Judge
from kube_dns_conformance.kube import RUN_LABEL, Kube
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.run import Options, Run
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.survival import insist_followed, insist_never_denied
from kube_dns_conformance.timings import timings

LIMITS = timings(["slot=1", "settle=900"])
PODS = 1000
NAME, SERVICE = "parallel", "parallel-headless"


@pytest.fixture
def run(cluster: Cluster) -> Iterator[Run]:
    servers = tuple(map(str, cluster.dns))
    made = Run(Options(provider="existing", kubeconfig=str(cluster.kubeconfig), dns_servers=servers), LIMITS)
    yield made
    made.close()


@pytest.fixture
def situation(run: Run, cluster: Cluster) -> Iterator[Situation]:
    """That of the suite, with a thousand Pods."""
    kube = Kube(cluster.kubeconfig)
    mirror = Mirror(kube, f"{RUN_LABEL}={run.id}", LIMITS.api)
    (made,) = situations.prepare(["survival/rolling-update"], run.id, cluster.zone, kube, mirror, LIMITS)
    made.manifest = [item for item in made.manifest if item["metadata"]["name"] in {NAME, SERVICE}]
    (workload,) = [item for item in made.manifest if item["kind"] == "StatefulSet"]
    workload["spec"]["replicas"] = PODS
    assert situations.deploy([made]) == {}
    made.wait_settled()
    yield made
    situations.delete([made.namespace], kube)
    mirror.close()


@pytest.mark.release
@pytest.mark.timeout(1800)
def test_every_name_follows_and_the_service_is_never_denied(run: Run, situation: Situation) -> None:
    def expect() -> Expectations:
        return {**expectations.headless(situation, SERVICE), **expectations.pods(situation, SERVICE)}

    def roll() -> None:
        annotations = {"kube-dns-conformance/template": "new"}
        situation.change("StatefulSet", NAME, {"spec": {"template": {"metadata": {"annotations": annotations}}}})

    seen = observe(run, situation, expect, roll)
    requirement = catalogue()["survival.rolling-update.names-follow"]
    judge = Judge(requirement, run.vantage, run.cluster.dns, LIMITS, run.cluster.zone, situation.confirm)
    insist_followed(judge, seen, seen.after)
    insist_never_denied(judge, seen, expectations.headless(situation, SERVICE))
    assert len({question.name for question in seen.after}) == PODS + 1
    assert [one.missed for one in seen.observers] == [0]
