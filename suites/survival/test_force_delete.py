"""A Pod is deleted without waiting for its kubelet: its name follows to the new Pod all the same."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_gone

SERVICE, VICTIM = "web-headless", "web-1"


@dataclass(frozen=True)
class Deletion:
    """What was seen while web-1 was replaced."""

    change: Change


@pytest.fixture(scope="module")
def deletion(run: Run, situation: Situation) -> Deletion:
    def expect() -> Expectations:
        return {**expectations.headless(situation, SERVICE), **expectations.pods(situation, SERVICE)}

    return Deletion(observe(run, situation, expect, lambda: situation.force_delete_pods(situation.pod(VICTIM))))


@requirement("survival.force-delete.names-follow")
def test_its_name_and_its_service_follow_to_the_new_pod(deletion: Deletion, judge: Judge) -> None:
    insist_followed(judge, deletion.change, deletion.change.after)


@requirement("survival.force-delete.old-address-gone")
def test_the_old_address_goes_and_stays_gone(deletion: Deletion, judge: Judge) -> None:
    insist_gone(judge, deletion.change)
