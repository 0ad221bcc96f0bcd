"""Section 2.3.1 for Services that have a ClusterIP and more."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("clusterip.types.node-port")
def test_a_node_port_service_answers_its_cluster_ip(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.regular(situation, "node-port"), settled_at=situation.settled_at)


@requirement("clusterip.types.load-balancer")
def test_a_load_balancer_service_answers_its_cluster_ip(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.regular(situation, "load-balancer"), settled_at=situation.settled_at)
