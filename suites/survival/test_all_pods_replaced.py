"""Every Pod behind a regular Service is replaced; its clients must not notice."""

from kube_dns_conformance.dns.compare import exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Run, Situation, available_rdtype, requirement
from kube_dns_conformance.oracle import cluster_ips
from kube_dns_conformance.survival import insist_unbroken, observe


@requirement("survival.all-pods-replaced.clusterip-stays")
def test_the_cluster_ip_stays_while_every_pod_is_replaced(run: Run, situation: Situation, judge: Judge) -> None:
    rdtype = available_rdtype(situation.service("web"))
    address = {Question(situation.name_of("web"), rdtype): exactly(cluster_ips(situation.service("web"), rdtype))}
    change = observe(run, situation, address, lambda: situation.delete_pods(*situation.pods("web")), lambda: address)
    insist_unbroken(judge, change, address)
