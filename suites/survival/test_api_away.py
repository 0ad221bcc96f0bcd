"""The API server is away for a while: DNS goes on saying what was true, and follows changes once it is back."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.interruptions import start_anew, stop_api_server
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_gone, insist_unbroken

ADDRESSES = {"203.0.113.91", "203.0.113.92"}


@dataclass(frozen=True)
class Absence:
    """What was seen while the API server was away, and while an endpoint was exchanged after it was back."""

    away: Change
    back: Change


@pytest.fixture(scope="module")
def absence(run: Run, situation: Situation) -> Absence:
    def expect() -> Expectations:
        by_hand = expectations.promised(situation, "A", situation.name_of("by-hand"))
        return {**expectations.regular(situation, "web"), **by_hand}

    start_anew(run, situation)
    away = observe(run, situation, expect, lambda: stop_api_server(run, situation))
    run.settle_again()  # the other situations were without it as well
    # Who tries to reach it at growing intervals comes back after as long again as it was away, at the latest.
    back = observe(run, situation, expect, lambda: exchange_endpoint(situation), granted=run.timings.away)
    return Absence(away, back)


def exchange_endpoint(situation: Situation) -> None:
    """Of its two addresses it gets the other: no controller has to make it, only DNS has to hear of it."""
    (old,) = situation.endpoint_slice("by-hand")["endpoints"]
    (new,) = ADDRESSES - set(old["addresses"])
    situation.change("EndpointSlice", "by-hand", {"endpoints": [{"addresses": [new]}]})


@requirement("survival.api-away.answers-stay")
def test_every_answer_stays_while_the_api_server_is_away(absence: Absence, judge: Judge) -> None:
    insist_unbroken(judge, absence.away)


@requirement("survival.api-away.changes-followed")
def test_changes_are_followed_once_it_is_back(absence: Absence, judge: Judge) -> None:
    insist_followed(judge, absence.back, absence.back.after)
    insist_gone(judge, absence.back)
