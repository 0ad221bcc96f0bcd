"""Section 2.3.1: the address of a Service with a ClusterIP."""

from kube_dns_conformance.dns.compare import exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.oracle import cluster_ips


@requirement("clusterip.address.ipv4")
def test_a_service_answers_its_cluster_ip_and_nothing_else(situation: Situation, judge: Judge) -> None:
    insist_on_cluster_ip("A", situation, judge)


@requirement("clusterip.address.ipv6")
def test_a_service_answers_its_ipv6_cluster_ip_and_nothing_else(situation: Situation, judge: Judge) -> None:
    insist_on_cluster_ip("AAAA", situation, judge)


def insist_on_cluster_ip(rdtype: str, situation: Situation, judge: Judge) -> None:
    judge.insist(
        lambda: {Question(situation.name_of("web"), rdtype): exactly(cluster_ips(situation.service("web"), rdtype))},
        settled_at=situation.settled_at,
    )
