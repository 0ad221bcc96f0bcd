"""A headless Service selects other Pods from now on."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.survival import insist_followed, insist_gone

SERVICE = "web-headless"


@dataclass(frozen=True)
class Switch:
    """What was seen while the Service went from the Pods of one colour to those of the other."""

    change: Change


@pytest.fixture(scope="module")
def switch(run: Run, situation: Situation) -> Switch:
    selected = situation.service(SERVICE)["spec"]["selector"]["app"]
    other = {"blue": "green", "green": "blue"}[selected]

    def change() -> None:
        situation.change("Service", SERVICE, {"spec": {"selector": {"app": other}}})

    return Switch(observe(run, situation, lambda: expectations.headless(situation, SERVICE), change))


@requirement("survival.selector-changed.service-follows")
def test_its_name_answers_the_pods_that_it_selects_now(switch: Switch, judge: Judge) -> None:
    insist_followed(judge, switch.change, switch.change.after)


@requirement("survival.selector-changed.old-addresses-gone")
def test_the_addresses_that_it_selected_before_go_and_stay_gone(switch: Switch, judge: Judge) -> None:
    insist_gone(judge, switch.change)
