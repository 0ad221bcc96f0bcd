"""A Pod on its node's network that wants the cluster's DNS nevertheless."""

from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.resolving import insist_configured, insist_resolved, of_cluster


@requirement("resolver.host-network.cluster-first")
def test_it_asks_the_cluster_and_finds_a_service_by_its_short_name(
    run: Run, situation: Situation, judge: Judge
) -> None:
    insist_configured(judge, situation, "host", of_cluster(run, situation))
    insist_resolved(judge, situation, "host", lambda: {"web": situation.service("web")["spec"]["clusterIPs"]})
