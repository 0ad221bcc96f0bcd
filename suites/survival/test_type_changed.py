"""A Service changes its type and changes back: its name follows each time."""

from functools import partial

from kube_dns_conformance import expectations
from kube_dns_conformance.change import observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, available_rdtype, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_gone

REGULAR = {"type": "ClusterIP", "externalName": None, "ports": [{"name": "http", "port": 80}]}
NOT_ASSIGNED = {"clusterIP": None, "clusterIPs": None, "ipFamilies": None, "ipFamilyPolicy": None}


@requirement("survival.type-changed.name-follows")
def test_its_name_follows_each_time(run: Run, situation: Situation, judge: Judge) -> None:
    def expect() -> Expectations:
        # In a family that the target has: of the other one there is nothing that the alias could lead to.
        return expectations.promised(situation, available_rdtype(situation.service("target")), situation.name_of("web"))

    # Inside the cluster: what is outside may be out of reach of its DNS, which then answers late or never.
    target = situation.name_of("target").rstrip(".")
    alias = {"type": "ExternalName", "externalName": target, **NOT_ASSIGNED}
    situation.patch("Service", "web", {"spec": alias})
    for spec in (REGULAR, alias):
        change = observe(run, situation, expect, partial(situation.change, "Service", "web", {"spec": spec}))
        insist_followed(judge, change, change.after)
        insist_gone(judge, change)
