"""Section 2.4.1 for real Pods: who is ready is answered, who is not is left out, and both change."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("readiness.gates.not-ready-left-out")
def test_a_pod_that_is_not_ready_is_left_out(situation: Situation, judge: Judge) -> None:
    situation.set_gate("gated", is_open=False)
    insist_on_ready_pods(situation, judge)


@requirement("readiness.gates.becomes-ready")
def test_a_pod_that_becomes_ready_comes(situation: Situation, judge: Judge) -> None:
    situation.set_gate("gated", is_open=False)
    judge.see_before(lambda: expectations.headless(situation, "web"))
    situation.set_gate("gated", is_open=True)
    insist_on_ready_pods(situation, judge)


@requirement("readiness.gates.becomes-unready")
def test_a_pod_that_becomes_unready_goes(situation: Situation, judge: Judge) -> None:
    situation.set_gate("gated", is_open=True)
    judge.see_before(lambda: expectations.headless(situation, "web"))
    situation.set_gate("gated", is_open=False)
    insist_on_ready_pods(situation, judge)


def insist_on_ready_pods(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.headless(situation, "web"), settled_at=situation.settled_at)
