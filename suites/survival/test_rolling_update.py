"""Every Pod of two StatefulSets is replaced by one of another template, one after the other."""

from dataclasses import dataclass
from uuid import uuid4

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_gone, insist_never_denied

STATEFUL_SETS = ("ordered", "parallel")


@dataclass(frozen=True)
class Update:
    """What was seen while both were updated, and the questions for the names of their Services."""

    change: Change
    services: list[Question]


@pytest.fixture(scope="module")
def update(run: Run, situation: Situation) -> Update:
    services = [f"{one}-headless" for one in STATEFUL_SETS]

    def expect() -> Expectations:
        known: Expectations = {}
        for one in services:
            known |= expectations.headless(situation, one)
        return known | expectations.pods(situation, "ordered-headless", ["ordered-0", "ordered-1", "ordered-2"])

    def change() -> None:
        annotations = {"kube-dns-conformance/template": uuid4().hex}
        for one in STATEFUL_SETS:
            situation.change("StatefulSet", one, {"spec": {"template": {"metadata": {"annotations": annotations}}}})

    seen = observe(run, situation, expect, change)
    return Update(seen, [question for one in services for question in expectations.headless(situation, one)])


@requirement("survival.rolling-update.names-follow")
def test_every_name_follows_to_its_new_pod(update: Update, judge: Judge) -> None:
    insist_followed(judge, update.change, update.change.after)


@requirement("survival.rolling-update.old-addresses-gone")
def test_the_old_addresses_go_and_stay_gone(update: Update, judge: Judge) -> None:
    insist_gone(judge, update.change)


@requirement("survival.rolling-update.services-never-denied")
def test_the_services_are_never_denied_while_some_pods_are_ready(update: Update, judge: Judge) -> None:
    insist_never_denied(judge, update.change, update.services)
