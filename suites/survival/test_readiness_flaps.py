"""A Pod becomes unready and ready again, several times in a row."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe, without
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_unbroken

SERVICE, POD, SIBLING = "web", "gated", "always"
TIMES = 3


@dataclass(frozen=True)
class Flapping:
    """What was seen meanwhile, and the questions for the name of the Pod that flapped."""

    change: Change
    pod: list[Question]


@pytest.fixture(scope="module")
def flapping(run: Run, situation: Situation) -> Flapping:
    def expect() -> Expectations:
        names = expectations.pods(situation, SERVICE, [POD, SIBLING])
        return {**expectations.headless(situation, SERVICE), **names}

    def flap() -> None:
        for _ in range(TIMES):
            situation.set_gate(POD, is_open=False)
            situation.set_gate(POD, is_open=True)

    situation.set_gate(POD, is_open=True)
    return Flapping(observe(run, situation, expect, flap), list(expectations.pods(situation, SERVICE, [POD])))


@requirement("survival.readiness-flaps.ready-in-the-end")
def test_its_address_is_answered_when_it_stays_ready(flapping: Flapping, judge: Judge) -> None:
    insist_followed(judge, flapping.change, flapping.change.after)


@requirement("survival.readiness-flaps.siblings-unbroken")
def test_its_siblings_never_blink(flapping: Flapping, judge: Judge) -> None:
    insist_unbroken(judge, without(flapping.change, flapping.pod))
