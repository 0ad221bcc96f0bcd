"""Pods with a hostname and a subdomain: their names in DNS, and what they call themselves."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.resolving import insist_called


@requirement("resolver.hostname.record")
def test_a_pod_with_hostname_and_subdomain_answers_under_them(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.pods(situation, "sub"), settled_at=situation.settled_at)


@requirement("resolver.hostname.own-name")
def test_it_calls_itself_by_them(situation: Situation, judge: Judge) -> None:
    insist_called(judge, situation, "named", hostname="first", fqdn=f"first.{situation.name_of('sub')}")


@requirement("resolver.hostname.as-fqdn")
def test_with_set_hostname_as_fqdn_its_hostname_is_the_whole_name(situation: Situation, judge: Judge) -> None:
    whole = f"second.{situation.name_of('sub')}"
    insist_called(judge, situation, "full", hostname=whole, fqdn=whole)
