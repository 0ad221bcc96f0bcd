"""Section 2.2: the record that tells the version of the schema."""

import re

from kube_dns_conformance.dns.compare import that
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement

SEMANTIC_VERSION = re.compile(r'"\d+\.\d+\.\d+(-[0-9a-z.-]+)?(\+[0-9a-z.-]+)?"')


@requirement("schema.version.record")
def test_the_zone_says_which_version_of_the_schema_it_has(situation: Situation, judge: Judge) -> None:
    must = that("one TXT record with a semantic version", wrong_version)
    question = Question(f"dns-version.{situation.zone}.", "TXT")
    judge.insist(lambda: {question: must}, settled_at=situation.settled_at)


def wrong_version(answer: Answer) -> str:
    said = [record.rdata for record in answer.records if record.rdtype == "TXT"]
    return "" if len(said) == 1 and SEMANTIC_VERSION.fullmatch(said[0]) else answer.said()
