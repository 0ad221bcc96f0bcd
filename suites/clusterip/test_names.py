"""Section 2.3.1 for names that are long, or nearly the same."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, requirement

LONGEST = f"a{'b' * 61}c"


@requirement("clusterip.names.longest")
def test_a_name_of_63_letters_answers_like_any_other(situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: expectations.regular(situation, LONGEST), settled_at=situation.settled_at)


@requirement("clusterip.names.alike")
def test_a_name_that_begins_another_keeps_its_own_address(situation: Situation, judge: Judge) -> None:
    judge.insist(
        lambda: {**expectations.regular(situation, "web-1"), **expectations.regular(situation, "web-10")},
        settled_at=situation.settled_at,
    )
