"""Section 2.4.1 for Services that publish addresses which are not ready."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("readiness.published.not-ready-answered")
def test_a_pod_that_is_not_ready_is_answered_where_that_is_published(situation: Situation, judge: Judge) -> None:
    insist_on_pods("published", situation, judge)


@requirement("readiness.published.own-name")
def test_it_is_answered_under_its_own_name_too(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.pods(situation, "published"), settled_at=situation.settled_at)


@requirement("readiness.published.switched-on")
def test_once_its_service_publishes_it_a_pod_comes(situation: Situation, judge: Judge) -> None:
    publish(situation, is_so=False)
    judge.see_before(lambda: expectations.headless(situation, "switched"))
    publish(situation, is_so=True)
    insist_on_pods("switched", situation, judge)


@requirement("readiness.published.switched-off")
def test_once_its_service_publishes_it_no_more_a_pod_goes(situation: Situation, judge: Judge) -> None:
    publish(situation, is_so=True)
    judge.see_before(lambda: expectations.headless(situation, "switched"))
    publish(situation, is_so=False)
    insist_on_pods("switched", situation, judge)


def publish(situation: Situation, *, is_so: bool) -> None:
    situation.patch("Service", "switched", {"spec": {"publishNotReadyAddresses": is_so}})


def insist_on_pods(service: str, situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.headless(situation, service), settled_at=situation.settled_at)
