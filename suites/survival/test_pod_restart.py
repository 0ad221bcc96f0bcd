"""A Pod of a StatefulSet is deleted and comes back under its name with a new address: one restart, four promises."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance.dns.compare import Expected, exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.fixtures import Judge, Run, Situation, available_rdtype, requirement
from kube_dns_conformance.oracle import pod_addresses, pod_name
from kube_dns_conformance.survival import Change, insist_followed, insist_gone, insist_unbroken, observe

SERVICE, VICTIM = "web-headless", "web-1"


@dataclass(frozen=True)
class Restart:
    """What was seen while web-1 was replaced, and what was true before."""

    change: Change
    whole: Question
    victim: Question
    siblings: dict[Question, Expected]
    old_address: str


@pytest.fixture(scope="module")
def restart(run: Run, situation: Situation) -> Restart:
    service = situation.service(SERVICE)
    rdtype = available_rdtype(service)
    whole = Question(situation.name_of(SERVICE), rdtype)
    victim = Question(pod_name(situation.pod(VICTIM), service, situation.zone), rdtype)
    (old_address,) = pod_addresses([situation.pod(VICTIM)], rdtype)

    def names() -> dict[Question, Expected]:
        own = {
            Question(pod_name(pod, service, situation.zone), rdtype): exactly(pod_addresses([pod], rdtype))
            for pod in situation.pods(SERVICE)
        }
        return {whole: exactly(situation.addresses(SERVICE, rdtype))} | own

    before = names()
    change = observe(run, situation, before, lambda: situation.delete_pods(situation.pod(VICTIM)), names)
    if old_address in situation.addresses(SERVICE, rdtype):
        raise ClusterError(f"the new {VICTIM} has the address of the old one: nothing can be seen to follow or to go")
    siblings = {one: must for one, must in before.items() if one not in (whole, victim)}
    return Restart(change, whole, victim, siblings, old_address)


@requirement("survival.pod-restart.name-follows")
def test_the_name_follows_to_the_new_address(restart: Restart, judge: Judge) -> None:
    insist_followed(judge, restart.change, restart.victim)


@requirement("survival.pod-restart.old-address-gone")
def test_the_old_address_goes_everywhere_and_stays_gone(restart: Restart, judge: Judge) -> None:
    insist_gone(judge, restart.change, restart.old_address, restart.victim, restart.whole)


@requirement("survival.pod-restart.siblings-unbroken")
def test_the_siblings_never_blink(restart: Restart, judge: Judge) -> None:
    insist_unbroken(judge, restart.change, restart.siblings)


@requirement("survival.pod-restart.replicas-agree")
def test_all_replicas_agree_on_the_pod_and_its_service(restart: Restart, judge: Judge) -> None:
    insist_followed(judge, restart.change, restart.victim, restart.whole)
