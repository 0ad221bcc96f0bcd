"""A node is lost and comes back: what it had is not ready meanwhile, and must not be answered."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.nodes import lost, node_without_dns
from kube_dns_conformance.survival import insist_followed, insist_gone, insist_unbroken

SERVICE = "web-headless"


@dataclass(frozen=True)
class Loss:
    """What was seen while a node went, and while it came back."""

    went: Change
    returned: Change


@pytest.fixture(scope="module")
def loss(run: Run, situation: Situation) -> Loss:
    def expect() -> Expectations:
        return {**expectations.headless(situation, SERVICE), **expectations.pods(situation, SERVICE)}

    node = node_without_dns(run, situation)
    with lost(run, situation, node) as (go, come_back):
        went = observe(run, situation, expect, go, lambda: situation.wait_unready(node))
        returned = observe(run, situation, expect, come_back)
    run.settle_again()  # other situations had Pods on that node, too
    return Loss(went, returned)


@requirement("survival.node-lost.addresses-gone")
def test_the_addresses_of_its_pods_go(loss: Loss, judge: Judge) -> None:
    insist_gone(judge, loss.went)


@requirement("survival.node-lost.others-unbroken")
def test_pods_on_other_nodes_never_blink(loss: Loss, judge: Judge) -> None:
    insist_unbroken(judge, loss.went)
    insist_unbroken(judge, loss.returned)


@requirement("survival.node-lost.names-return")
def test_the_names_of_its_pods_return_with_the_node(loss: Loss, judge: Judge) -> None:
    insist_followed(judge, loss.returned, loss.returned.after)
