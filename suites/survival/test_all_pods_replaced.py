"""Every Pod behind a regular Service is replaced; its clients must not notice."""

from kube_dns_conformance import expectations
from kube_dns_conformance.change import observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.survival import insist_unbroken


@requirement("survival.all-pods-replaced.clusterip-stays")
def test_the_cluster_ip_stays_while_every_pod_is_replaced(run: Run, situation: Situation, judge: Judge) -> None:
    change = observe(
        run,
        situation,
        lambda: expectations.regular(situation, "web"),
        lambda: situation.delete_pods(*situation.pods("web")),
    )
    insist_unbroken(judge, change)
