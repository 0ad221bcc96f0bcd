"""Section 2.3.3: the reverse name of a ClusterIP."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.oracle import cluster_ips
from kube_dns_conformance.promises import reverse_name


@requirement("clusterip.ptr.ipv4")
def test_the_reverse_name_of_a_cluster_ip_leads_to_its_service(situation: Situation, judge: Judge) -> None:
    insist_on_ptr("A", situation, judge)


@requirement("clusterip.ptr.ipv6")
def test_the_reverse_name_of_an_ipv6_cluster_ip_leads_to_its_service(situation: Situation, judge: Judge) -> None:
    insist_on_ptr("AAAA", situation, judge)


def insist_on_ptr(rdtype: str, situation: Situation, judge: Judge) -> None:
    names = [reverse_name(ip) for ip in cluster_ips(situation.service("web"), rdtype)]
    judge.insist(lambda: expectations.promised(situation, "PTR", *names), settled_at=situation.settled_at)
