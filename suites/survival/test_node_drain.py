"""A node is drained: its Pods come back on others, and their names follow."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.nodes import drained
from kube_dns_conformance.survival import insist_followed, insist_gone, insist_unbroken

SERVICE, VICTIM = "web-headless", "web-1"


@dataclass(frozen=True)
class Drain:
    """What was seen while the node of web-1 was drained."""

    change: Change


@pytest.fixture(scope="module")
def drain(run: Run, situation: Situation) -> Drain:
    def expect() -> Expectations:
        return {**expectations.headless(situation, SERVICE), **expectations.pods(situation, SERVICE)}

    with drained(run, situation, VICTIM) as evict:
        return Drain(observe(run, situation, expect, evict))


@requirement("survival.node-drain.names-follow")
def test_the_names_follow_to_other_nodes(drain: Drain, judge: Judge) -> None:
    insist_followed(judge, drain.change, drain.change.after)


@requirement("survival.node-drain.old-addresses-gone")
def test_the_old_addresses_go_and_stay_gone(drain: Drain, judge: Judge) -> None:
    insist_gone(judge, drain.change)


@requirement("survival.node-drain.others-unbroken")
def test_pods_on_other_nodes_never_blink(drain: Drain, judge: Judge) -> None:
    insist_unbroken(judge, drain.change)
