"""Every DNS replica is replaced, one after the other: who asks the Service in front of them is served all the while."""

from functools import partial

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.interruptions import replace_one_by_one, service_of
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_no_lie, insist_served


@pytest.fixture(scope="module")
def rollout(run: Run, situation: Situation) -> Change:
    def expect() -> Expectations:
        return expectations.of_each_kind(situation, "web", "web-headless")

    return observe(run, situation, expect, partial(replace_one_by_one, run, situation), servers=service_of(run))


@requirement("survival.dns-rollout.no-lie")
def test_nobody_is_told_a_lie_meanwhile(rollout: Change, judge: Judge) -> None:
    insist_no_lie(judge, rollout)


@requirement("survival.dns-rollout.service-answers")
def test_the_service_is_never_silent_for_long(run: Run, rollout: Change, judge: Judge) -> None:
    insist_served(judge, rollout, run.timings.propagation)
    insist_followed(judge, rollout, rollout.after)
