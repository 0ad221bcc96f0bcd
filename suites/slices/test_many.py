"""Section 2.4.1 for endpoints that are spread over several EndpointSlices."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("slices.many.hundred-fifty")
def test_a_hundred_and_fifty_endpoints_in_two_slices_are_all_answered(situation: Situation, judge: Judge) -> None:
    insist_on_addresses([situation.name_of("hundred-fifty")], situation, judge)


@requirement("slices.many.twelve-hundred")
def test_twelve_hundred_endpoints_in_two_slices_are_all_answered(situation: Situation, judge: Judge) -> None:
    insist_on_addresses([situation.name_of("twelve-hundred")], situation, judge)


@requirement("slices.many.endpoint-in-two")
def test_an_endpoint_in_two_slices_is_answered_once(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("twice")
    insist_on_addresses([name, f"second.{name}"], situation, judge)


@requirement("slices.many.hostnames")
def test_hostnames_in_every_slice_are_answered(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("twice")
    insist_on_addresses([f"first.{name}", f"third.{name}"], situation, judge)


def insist_on_addresses(names: list[str], situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.promised(situation, "A", *names), settled_at=situation.settled_at)
