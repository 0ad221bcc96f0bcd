"""A DNS cache on each node, which Pods are told to ask in place of the cluster's DNS Service."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations


@requirement("nodelocal.cache.same-answers")
def test_the_cache_on_the_node_says_what_the_replicas_say(situation: Situation, judge: Judge) -> None:
    def expect() -> Expectations:
        name = situation.name_of("web-headless")
        return {
            **expectations.regular(situation, "web"),
            **expectations.promised_addresses(situation, name, f"web-0.{name}"),
        }

    judge.insist_alike(expect, settled_at=situation.settled_at)
