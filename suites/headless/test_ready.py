"""Section 2.4.1: only endpoints that are ready are answered."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations


@requirement("headless.ready.not-ready-left-out")
def test_an_endpoint_that_is_not_ready_is_left_out(situation: Situation, judge: Judge) -> None:
    insist_on_addresses("mixed", situation, judge)


@requirement("headless.ready.unknown-counts")
def test_an_endpoint_that_says_nothing_of_its_readiness_counts_as_ready(situation: Situation, judge: Judge) -> None:
    insist_on_addresses("unknown", situation, judge)


@requirement("headless.ready.terminating-left-out")
def test_an_endpoint_on_its_way_out_is_left_out_though_it_still_serves(situation: Situation, judge: Judge) -> None:
    insist_on_addresses("terminating", situation, judge)


@requirement("headless.ready.becomes-unready")
def test_an_endpoint_that_becomes_unready_goes(situation: Situation, judge: Judge) -> None:
    make_ready(situation, {"192.0.2.67": True, "192.0.2.68": True})
    judge.see_before(lambda: addresses("changing", situation))
    make_ready(situation, {"192.0.2.67": True, "192.0.2.68": False})
    insist_on_addresses("changing", situation, judge)


@requirement("headless.ready.becomes-ready")
def test_an_endpoint_that_becomes_ready_comes(situation: Situation, judge: Judge) -> None:
    make_ready(situation, {"192.0.2.67": True, "192.0.2.68": False})
    judge.see_before(lambda: addresses("changing", situation))
    make_ready(situation, {"192.0.2.67": True, "192.0.2.68": True})
    insist_on_addresses("changing", situation, judge)


def make_ready(situation: Situation, endpoints: dict[str, bool]) -> None:
    ready = [{"addresses": [address], "conditions": {"ready": is_so}} for address, is_so in endpoints.items()]
    situation.patch("EndpointSlice", "changing", {"endpoints": ready})


def insist_on_addresses(service: str, situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: addresses(service, situation), settled_at=situation.settled_at)


def addresses(service: str, situation: Situation) -> Expectations:
    return expectations.promised(situation, "A", situation.name_of(service))
