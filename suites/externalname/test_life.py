"""A Service that changes its type: its name answers what it is now, and no longer what it was."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations

PORTS = [{"name": "http", "port": 80}]
EXTERNAL = {"type": "ExternalName", "externalName": "db.kube-dns-conformance.example"}
NOT_ASSIGNED = {"clusterIP": None, "clusterIPs": None, "ipFamilies": None, "ipFamilyPolicy": None}


@requirement("externalname.life.to-clusterip")
def test_an_external_name_that_becomes_a_regular_service_answers_its_cluster_ip(
    situation: Situation, judge: Judge
) -> None:
    become_external(situation)
    judge.see_before(lambda: what_it_is(situation))
    situation.patch("Service", "web", {"spec": {"type": "ClusterIP", "externalName": None, "ports": PORTS}})
    insist_on_what_it_is(situation, judge)


@requirement("externalname.life.to-headless")
def test_an_external_name_that_becomes_headless_does_not_exist_without_endpoints(
    situation: Situation, judge: Judge
) -> None:
    become_external(situation)
    judge.see_before(lambda: what_it_is(situation))
    headless = {"type": "ClusterIP", "externalName": None, "clusterIP": "None", "ports": PORTS}
    situation.patch("Service", "web", {"spec": headless})
    insist_on_what_it_is(situation, judge)


@requirement("externalname.life.to-external-name")
def test_a_regular_service_that_becomes_an_external_name_answers_the_cname(situation: Situation, judge: Judge) -> None:
    become_external(situation)
    situation.patch("Service", "web", {"spec": {"type": "ClusterIP", "externalName": None, "ports": PORTS}})
    judge.see_before(lambda: what_it_is(situation))
    become_external(situation)
    insist_on_what_it_is(situation, judge)


def become_external(situation: Situation) -> None:
    situation.patch("Service", "web", {"spec": EXTERNAL | NOT_ASSIGNED})


def insist_on_what_it_is(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: what_it_is(situation), settled_at=situation.settled_at)


def what_it_is(situation: Situation) -> Expectations:
    return expectations.promised_addresses(situation, situation.name_of("web"))
