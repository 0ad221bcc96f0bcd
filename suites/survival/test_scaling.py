"""A StatefulSet is scaled up, down and to nothing; its headless Service follows."""

import functools

from kube_dns_conformance import expectations
from kube_dns_conformance.change import observe
from kube_dns_conformance.fixtures import Judge, Run, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.survival import insist_followed, insist_unbroken

SERVICE = "web-headless"
MANY = 50
"""More Pods than have room in a UDP answer of 512 bytes: whoever asks without EDNS has to come again over TCP."""


@requirement("survival.scaling.headless-follows")
def test_the_service_follows_scaling_and_pods_that_stay_never_blink(
    run: Run, situation: Situation, judge: Judge
) -> None:
    for replicas in (4, 1, 0):
        # Not the Pods to come: a name that is asked too early may be denied from a cache for a while.
        hostnames = [pod["spec"]["hostname"] for pod in situation.pods(SERVICE)]
        expect = functools.partial(expected, situation, hostnames)
        change = observe(run, situation, expect, functools.partial(situation.scale, "StatefulSet", "web", replicas))
        insist_followed(judge, change, change.after)
        if replicas:
            insist_unbroken(judge, change)
    # Not watched: so large answers, asked for all the time, would keep this process busier than the server.
    situation.scale("StatefulSet", "web", MANY)
    situation.wait_settled()
    judge.insist(lambda: expectations.headless(situation, SERVICE), settled_at=situation.settled_at)


def expected(situation: Situation, hostnames: list[str]) -> Expectations:
    return {**expectations.headless(situation, SERVICE), **expectations.pods(situation, SERVICE, hostnames)}
