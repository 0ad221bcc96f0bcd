"""Section 2.4 for a headless Service whose EndpointSlices nobody's selector made."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("selectorless.headless.address")
def test_it_answers_the_endpoints_that_it_was_given(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("database")
    names = [name, f"primary.{name}"]
    judge.insist(lambda: expectations.promised(situation, "A", *names), settled_at=situation.settled_at)


@requirement("selectorless.headless.srv")
def test_it_has_an_srv_record_for_each_of_them(situation: Situation, judge: Judge) -> None:
    names = expectations.srv_names(situation, "database")
    judge.insist(lambda: expectations.promised(situation, "SRV", *names), settled_at=situation.settled_at)


@requirement("selectorless.headless.follows")
def test_it_follows_what_is_written_into_its_slices(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("growing")
    judge.see_before(lambda: expectations.promised(situation, "A", name))
    for addresses in (["198.51.100.11", "198.51.100.12"], ["198.51.100.12"]):
        situation.patch("EndpointSlice", "growing", {"endpoints": [{"addresses": [one]} for one in addresses]})
        judge.insist(lambda: expectations.promised(situation, "A", name), settled_at=situation.settled_at)
