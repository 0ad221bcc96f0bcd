"""RFC 2308 section 2.2: a name that exists is not denied for want of a type."""

from kube_dns_conformance.dns.compare import no_data
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement

PRIVATE_TYPE = "TYPE65280"
"""The first one for private use (RFC 6895 section 3.1)."""


@requirement("negative.types.clusterip")
def test_a_service_asked_for_a_type_that_it_does_not_have_is_no_data(situation: Situation, judge: Judge) -> None:
    insist_on_no_data([situation.name_of("web")], ["MX", "TXT"], situation, judge)


@requirement("negative.types.headless")
def test_a_headless_service_and_its_endpoints_asked_for_such_a_type_are_no_data(
    situation: Situation, judge: Judge
) -> None:
    name = situation.name_of("web-headless")
    insist_on_no_data([name, f"web-0.{name}"], ["MX", "TXT"], situation, judge)


@requirement("negative.types.other-family")
def test_an_endpoint_of_one_family_asked_for_the_other_is_no_data(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("web-headless")
    insist_on_no_data([name, f"web-0.{name}"], ["AAAA"], situation, judge)


@requirement("negative.types.unknown")
def test_a_type_that_nobody_knows_is_no_data(situation: Situation, judge: Judge) -> None:
    insist_on_no_data([situation.name_of("web")], [PRIVATE_TYPE], situation, judge)


def insist_on_no_data(names: list[str], rdtypes: list[str], situation: Situation, judge: Judge) -> None:
    must = {Question(name, rdtype): no_data() for name in names for rdtype in rdtypes}
    judge.insist(lambda: must, settled_at=situation.settled_at)
