"""A Service is deleted and made again under its name, with another ClusterIP."""

from kube_dns_conformance import expectations
from kube_dns_conformance.change import observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.survival import insist_followed, insist_gone


@requirement("survival.service-recreated.new-clusterip")
def test_its_name_follows_to_the_new_cluster_ip(run: Run, situation: Situation, judge: Judge) -> None:
    old = situation.service("web")
    before = expectations.regular(situation, "web")

    def recreate() -> None:
        situation.delete_service("web")
        situation.hold_cluster_ips(old)
        situation.make_again("Service", "web")

    change = observe(run, situation, lambda: expectations.regular_or_gone(situation, "web", before), recreate)
    insist_followed(judge, change, change.after)
    insist_gone(judge, change)
