"""DNS is scaled to one replica, to one more than before, and back: who asks the Service in front of it is served."""

from functools import partial

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.interruptions import scaled, service_of
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_no_lie, insist_served


@pytest.fixture(scope="module")
def changes(run: Run, situation: Situation) -> list[Change]:
    def expect() -> Expectations:
        return expectations.of_each_kind(situation, "web", "web-headless")

    with scaled(run, situation) as (before, scale):
        numbers = (1, before + 1, before)
        return [observe(run, situation, expect, partial(scale, one), servers=service_of(run)) for one in numbers]


@requirement("survival.dns-scaling.no-lie")
def test_nobody_is_told_a_lie_meanwhile(changes: list[Change], judge: Judge) -> None:
    for change in changes:
        insist_no_lie(judge, change)


@requirement("survival.dns-scaling.service-answers")
def test_the_service_is_never_silent_for_long(run: Run, changes: list[Change], judge: Judge) -> None:
    for change in changes:
        insist_served(judge, change, run.timings.propagation)
        insist_followed(judge, change, change.after)
