"""Section 2.3.2: the SRV records of a Service with a ClusterIP."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import nothing
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations


@requirement("clusterip.srv.named-port")
def test_each_named_port_has_one_srv_record(situation: Situation, judge: Judge) -> None:
    insist_on_srv("web", situation, judge)


@requirement("clusterip.srv.each-protocol")
def test_one_number_on_three_protocols_has_three_srv_records(situation: Situation, judge: Judge) -> None:
    insist_on_srv("three-protocols", situation, judge)


@requirement("clusterip.srv.other-protocol-absent")
def test_a_port_has_no_srv_record_under_another_protocol(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("web")
    absent = [f"_http._udp.{name}", f"_dns._tcp.{name}", f"_dns-tcp._udp.{name}"]
    judge.insist(lambda: {Question(one, "SRV"): nothing() for one in absent}, settled_at=situation.settled_at)


@requirement("clusterip.srv.target-resolves")
def test_the_target_answers_the_cluster_ip(situation: Situation, judge: Judge) -> None:
    def expect() -> Expectations:
        # The target is the Service's own name: whoever follows the SRV record asks for that.
        srv = expectations.promised(situation, "SRV", *expectations.srv_names(situation, "web"))
        return srv | expectations.regular(situation, "web")

    judge.insist(expect, settled_at=situation.settled_at)


@requirement("clusterip.srv.unnamed-port-absent")
def test_a_port_without_a_name_has_no_srv_record(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("unnamed")
    absent = [f"_80._tcp.{name}", f"_http._tcp.{name}", f"_unnamed._tcp.{name}"]
    judge.insist(lambda: {Question(one, "SRV"): nothing() for one in absent}, settled_at=situation.settled_at)


def insist_on_srv(service: str, situation: Situation, judge: Judge) -> None:
    judge.insist(
        lambda: expectations.promised(situation, "SRV", *expectations.srv_names(situation, service)),
        settled_at=situation.settled_at,
    )
