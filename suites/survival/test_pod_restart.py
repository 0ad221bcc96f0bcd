"""A Pod of a StatefulSet is deleted and comes back under its name with a new address: one restart, four promises."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_agreement, insist_followed, insist_gone, insist_unbroken

SERVICE, VICTIM = "web-headless", "web-1"


@dataclass(frozen=True)
class Restart:
    """What was seen while web-1 was replaced, and the questions that concern it, in every family."""

    change: Change
    whole: list[Question]
    victim: list[Question]


@pytest.fixture(scope="module")
def restart(run: Run, situation: Situation) -> Restart:
    def expect() -> Expectations:
        return {**expectations.headless(situation, SERVICE), **expectations.pods(situation, SERVICE)}

    change = observe(run, situation, expect, lambda: situation.delete_pods(situation.pod(VICTIM)))
    victim = list(expectations.pods(situation, SERVICE, [VICTIM]))
    if any(change.before[one] == change.after[one] for one in victim):
        raise ClusterError(f"the new {VICTIM} has the address of the old one: nothing can be seen to follow or to go")
    return Restart(change, list(expectations.headless(situation, SERVICE)), victim)


@requirement("survival.pod-restart.name-follows")
def test_the_name_follows_to_the_new_address(restart: Restart, judge: Judge) -> None:
    insist_followed(judge, restart.change, restart.victim)


@requirement("survival.pod-restart.old-address-gone")
def test_the_old_address_goes_everywhere_and_stays_gone(restart: Restart, judge: Judge) -> None:
    insist_gone(judge, restart.change)


@requirement("survival.pod-restart.siblings-unbroken")
def test_the_siblings_never_blink(restart: Restart, judge: Judge) -> None:
    insist_unbroken(judge, restart.change)


@requirement("survival.pod-restart.replicas-agree")
def test_all_replicas_agree_on_the_pod_and_its_service(restart: Restart, judge: Judge) -> None:
    insist_agreement(judge, restart.change, [*restart.victim, *restart.whole])
