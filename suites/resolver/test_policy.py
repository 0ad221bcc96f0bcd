"""What a Pod's dnsPolicy and dnsConfig make of its resolv.conf."""

from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.resolving import ResolvConf, insist_configured, of_cluster, resolv_conf


@requirement("resolver.policy.cluster-first")
def test_cluster_first_asks_the_cluster_with_its_search_list(run: Run, situation: Situation, judge: Judge) -> None:
    insist_configured(judge, situation, "cluster-first", of_cluster(run, situation))


@requirement("resolver.policy.default")
def test_default_is_the_nodes_own_configuration(situation: Situation, judge: Judge) -> None:
    found = resolv_conf(situation, "default")
    must = {"resolv.conf": "no search domain of the cluster"}
    judge.evidence.found("file in Pod default", must, {"resolv.conf": str(found)})
    if any(name == f"svc.{situation.zone}" for name in found.search):
        judge.condemn("Pod default searches the cluster's domains", f"got       {found}")


@requirement("resolver.policy.none")
def test_none_is_what_the_pod_says_and_nothing_else(situation: Situation, judge: Judge) -> None:
    said = ResolvConf(("192.0.2.53",), ("one.example", "two.example"), frozenset({"ndots:3", "edns0"}))
    insist_configured(judge, situation, "none", said)


@requirement("resolver.policy.config-merged")
def test_what_the_pod_says_is_merged_into_its_policy(run: Run, situation: Situation, judge: Judge) -> None:
    policy = of_cluster(run, situation)
    merged = ResolvConf(policy.nameservers, (*policy.search, "extra.example"), frozenset({"ndots:2", "edns0"}))
    insist_configured(judge, situation, "merged", merged)
