"""A Service that changes its type: its name answers what it is now, and no longer what it was."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement
from kube_dns_conformance.judge import Expectations

PORTS = [{"name": "http", "port": 80}]
NOT_ASSIGNED = {"clusterIP": None, "clusterIPs": None, "ipFamilies": None, "ipFamilyPolicy": None}


@requirement("externalname.life.to-clusterip")
def test_an_external_name_that_becomes_a_regular_service_answers_its_cluster_ip(
    situation: Situation, judge: Judge
) -> None:
    become_external(situation)
    judge.see_before(lambda: alias_of_target(situation))
    situation.patch("Service", "web", {"spec": {"type": "ClusterIP", "externalName": None, "ports": PORTS}})
    insist_on_what_it_is(situation, judge)


@requirement("externalname.life.to-headless")
def test_an_external_name_that_becomes_headless_does_not_exist_without_endpoints(
    situation: Situation, judge: Judge
) -> None:
    become_external(situation)
    judge.see_before(lambda: alias_of_target(situation))
    headless = {"type": "ClusterIP", "externalName": None, "clusterIP": "None", "ports": PORTS}
    situation.patch("Service", "web", {"spec": headless})
    insist_on_what_it_is(situation, judge)


@requirement("externalname.life.to-external-name")
def test_a_regular_service_that_becomes_an_external_name_answers_the_cname(situation: Situation, judge: Judge) -> None:
    become_external(situation)
    situation.patch("Service", "web", {"spec": {"type": "ClusterIP", "externalName": None, "ports": PORTS}})
    judge.see_before(lambda: what_it_is(situation))
    become_external(situation)
    judge.insist(lambda: alias_of_target(situation), settled_at=situation.settled_at)


def become_external(situation: Situation) -> None:
    # Inside the cluster: what is outside may be out of reach of its DNS, which then answers late or never.
    target = situation.name_of("target").rstrip(".")
    situation.patch("Service", "web", {"spec": {"type": "ExternalName", "externalName": target, **NOT_ASSIGNED}})


def insist_on_what_it_is(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: what_it_is(situation), settled_at=situation.settled_at)


def what_it_is(situation: Situation) -> Expectations:
    return expectations.promised_addresses(situation, situation.name_of("web"))


def alias_of_target(situation: Situation) -> Expectations:
    # In a family that the target has: of the other one there is nothing that the alias could lead to.
    return expectations.promised(situation, available_rdtype(situation.service("target")), situation.name_of("web"))
