"""A DNS replica is ended at once and comes back, or another in its place: nobody is told a lie, the other answers."""

from dataclasses import dataclass

import pytest

from kube_dns_conformance import expectations
from kube_dns_conformance.change import Change, at, observe
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.interruptions import comes_back, end_replica, replicas, wait_replaced
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_no_lie, insist_unbroken


@dataclass(frozen=True)
class Kill:
    """What was seen while a replica was ended, and which were not."""

    change: Change
    others: list[Server]


@pytest.fixture(scope="module")
def kill(run: Run, situation: Situation) -> Kill:
    def expect() -> Expectations:
        return expectations.of_each_kind(situation, "web", "web-headless")

    def settle() -> None:
        wait_replaced(run, victim, len(others) + 1)
        situation.wait_settled()

    victim, *others = replicas(run)
    watched = [one for one in run.cluster.dns if one != victim or comes_back(run)]
    change = observe(run, situation, expect, lambda: end_replica(run, situation, victim), settle, watched)
    return Kill(change, others)


@requirement("survival.dns-killed.no-lie")
def test_nobody_is_told_a_lie_meanwhile(kill: Kill, judge: Judge) -> None:
    insist_no_lie(judge, kill.change)


@requirement("survival.dns-killed.others-unbroken")
def test_the_other_replicas_answer_all_the_time(kill: Kill, judge: Judge) -> None:
    insist_unbroken(judge, at(kill.change, *kill.others))


@requirement("survival.dns-killed.answers-return")
def test_every_server_answers_again_in_time(kill: Kill, judge: Judge) -> None:
    insist_followed(judge, kill.change, kill.change.after)
