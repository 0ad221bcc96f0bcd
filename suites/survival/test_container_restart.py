"""A container ends and is started anew in place: the Pod stays, and with it its address."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe, without
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_unbroken

SERVICE, VICTIM = "web-headless", "web-1"


@dataclass(frozen=True)
class Restart:
    """What was seen while the container of web-1 was started anew, and the questions that concern it."""

    change: Change
    victim: list[Question]


@pytest.fixture(scope="module")
def restart(run: Run, situation: Situation) -> Restart:
    def expect() -> Expectations:
        return {**expectations.headless(situation, SERVICE), **expectations.pods(situation, SERVICE)}

    change = observe(run, situation, expect, lambda: situation.restart_container(VICTIM))
    if change.before != change.after:
        raise ClusterError(f"{VICTIM} was replaced instead of restarted")
    return Restart(change, list(expectations.pods(situation, SERVICE, [VICTIM])))


@requirement("survival.container-restart.same-address")
def test_its_name_and_its_service_answer_the_same_address_as_before(restart: Restart, judge: Judge) -> None:
    insist_followed(judge, restart.change, restart.change.after)


@requirement("survival.container-restart.siblings-unbroken")
def test_the_siblings_never_blink(restart: Restart, judge: Judge) -> None:
    insist_unbroken(judge, without(restart.change, restart.victim))
