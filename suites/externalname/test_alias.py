"""Section 2.5: a Service of type ExternalName is an alias."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import alias
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.oracle import cluster_ips


@requirement("externalname.alias.cname")
def test_it_answers_with_a_cname_to_its_external_name(situation: Situation, judge: Judge) -> None:
    # Inside the cluster: what is outside may be out of reach of its DNS, which then answers late or never.
    name_target(situation)
    name, rdtype = situation.name_of("inside"), available_rdtype(situation.service("web"))
    judge.insist(lambda: expectations.promised(situation, rdtype, name), settled_at=situation.settled_at)


@requirement("externalname.alias.cname-asked-for")
def test_it_answers_with_the_cname_when_that_is_asked_for(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("outside")
    judge.insist(lambda: expectations.promised(situation, "CNAME", name), settled_at=situation.settled_at)


@requirement("externalname.alias.inside-followed")
def test_an_external_name_inside_the_cluster_is_followed_to_its_address(situation: Situation, judge: Judge) -> None:
    def expect() -> Expectations:
        web = situation.service("web")
        rdtype = available_rdtype(web)
        return {
            Question(situation.name_of("inside"), rdtype): alias(situation.name_of("web"), cluster_ips(web, rdtype))
        }

    name_target(situation)
    judge.insist(expect, settled_at=situation.settled_at)


def name_target(situation: Situation) -> None:
    situation.patch("Service", "inside", {"spec": {"externalName": situation.name_of("web").rstrip(".")}})
