"""RFC 2308 section 2.1: what does not exist is denied."""

import pytest

from kube_dns_conformance.dns.compare import no_such_name
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement

RDTYPES = pytest.mark.parametrize("rdtype", ["A", "AAAA", "SRV"])


@RDTYPES
@requirement("negative.names.unknown-service")
def test_a_service_that_does_not_exist_is_denied(situation: Situation, judge: Judge, rdtype: str) -> None:
    insist_on_denial(f"nobody.{situation.namespace}.svc.{situation.zone}.", rdtype, situation, judge)


@RDTYPES
@requirement("negative.names.unknown-namespace")
def test_a_namespace_that_does_not_exist_is_denied(situation: Situation, judge: Judge, rdtype: str) -> None:
    insist_on_denial(f"web-headless.{situation.namespace}-nowhere.svc.{situation.zone}.", rdtype, situation, judge)


@RDTYPES
@requirement("negative.names.unknown-hostname")
def test_an_endpoint_that_does_not_exist_is_denied(situation: Situation, judge: Judge, rdtype: str) -> None:
    insist_on_denial(f"web-1.{situation.name_of('web-headless')}", rdtype, situation, judge)


@requirement("negative.names.unknown-port")
def test_a_port_that_does_not_exist_is_denied(situation: Situation, judge: Judge) -> None:
    insist_on_denial(f"_nobody._tcp.{situation.name_of('web-headless')}", "SRV", situation, judge)


@RDTYPES
@requirement("negative.names.unknown-kind")
def test_below_the_zone_there_is_nothing_but_what_the_schema_names(
    situation: Situation, judge: Judge, rdtype: str
) -> None:
    insist_on_denial(f"web-headless.{situation.namespace}.nobody.{situation.zone}.", rdtype, situation, judge)


@RDTYPES
@requirement("negative.names.without-namespace")
def test_a_service_without_its_namespace_is_denied(situation: Situation, judge: Judge, rdtype: str) -> None:
    insist_on_denial(f"nobody.web-headless.svc.{situation.zone}.", rdtype, situation, judge)


def insist_on_denial(name: str, rdtype: str, situation: Situation, judge: Judge) -> None:
    judge.insist(lambda: {Question(name, rdtype): no_such_name()}, settled_at=situation.settled_at)
