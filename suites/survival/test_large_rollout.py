"""A StatefulSet of a thousand Pods gets another template while every one of its names is watched."""

from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import pytest

from kube_dns_conformance import expectations, oracle
from kube_dns_conformance.change import Change, Piecewise, observe
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.events import Event
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_gone, insist_never_denied

NAME, SERVICE = "large", "large-headless"
PATIENCE_SECONDS = 3600.0
"""A thousand Pods, one after the other."""


@dataclass(frozen=True)
class Rollout:
    """What was seen of it, and the questions for the name of the Service."""

    change: Change
    service: list[Question]


@pytest.fixture(scope="module")
def rollout(run: Run, situation: Situation) -> Rollout:
    headless, published = situation.service(SERVICE), dict[str, list[str]]()

    def of(event: Event) -> Expectations:
        if event.kind != "Pod":
            return {}
        pod = situation.mirror.one("Pod", situation.namespace, event.name)
        behind, families = [pod] if pod else [], oracle.rdtypes(headless)
        addresses = [one for family in families for one in oracle.published_addresses(headless, behind, family)]
        if published.get(event.name) == addresses:
            return {}  # a Pod changes many times until it is ready, and all that is expected is a thousand names
        published[event.name] = addresses
        return expectations.headless(situation, SERVICE) | expectations.pods(situation, SERVICE, [event.name])

    def whole() -> Expectations:
        return expectations.headless(situation, SERVICE) | expectations.pods(situation, SERVICE)

    def change() -> None:
        annotations = {"kube-dns-conformance/template": uuid4().hex}
        situation.change("StatefulSet", NAME, {"spec": {"template": {"metadata": {"annotations": annotations}}}})

    # Its controller begins with the highest ordinal.
    order = [
        question
        for ordinal in reversed(range(len(situation.pods(SERVICE))))
        for question in expectations.pods(situation, SERVICE, [f"{NAME}-{ordinal}"])
    ]
    settle = partial(situation.wait_settled, PATIENCE_SECONDS)
    service = list(expectations.headless(situation, SERVICE))
    seen = observe(run, situation, Piecewise(whole, of, order, service), change, settle)
    return Rollout(seen, service)


@requirement("survival.large-rollout.names-follow")
def test_every_one_of_a_thousand_names_follows(rollout: Rollout, judge: Judge) -> None:
    insist_followed(judge, rollout.change, rollout.change.after)


@requirement("survival.large-rollout.old-addresses-gone")
def test_a_thousand_old_addresses_go_and_stay_gone(rollout: Rollout, judge: Judge) -> None:
    insist_gone(judge, rollout.change)


@requirement("survival.large-rollout.service-never-denied")
def test_the_service_is_never_denied(rollout: Rollout, judge: Judge) -> None:
    insist_never_denied(judge, rollout.change, rollout.service)
