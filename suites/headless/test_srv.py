"""Section 2.4.2: the SRV records of a headless Service."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import at_least, nothing
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.oracle import pod_name, srv_name
from kube_dns_conformance.targets import insist_reaching


@requirement("headless.srv.every-endpoint-and-port")
def test_each_named_port_has_one_srv_record_per_ready_pod(situation: Situation, judge: Judge) -> None:
    def expect() -> Expectations:
        web, pods = situation.service("web-headless"), situation.pods("web-headless")
        targets = [pod_name(pod, web, situation.zone) for pod in pods]
        srv = {
            Question(srv_name(web, port, situation.zone), "SRV"): at_least(
                f"{port['port']} {target}" for target in targets
            )
            for port in web["spec"]["ports"]
        }
        return srv | expectations.pods(situation, "web-headless")

    judge.insist(expect, settled_at=situation.settled_at)


@requirement("headless.srv.nameless-endpoints")
def test_endpoints_without_a_hostname_have_srv_records_with_targets_of_their_own(
    situation: Situation, judge: Judge
) -> None:
    names = expectations.srv_names(situation, "nameless")
    answers = judge.insist(lambda: expectations.promised(situation, "SRV", *names), settled_at=situation.settled_at)
    targets = [record.rdata.split()[-1] for answer in answers for record in answer.records]
    insist_reaching(judge, situation, targets, "A", ["192.0.2.81", "192.0.2.82", "192.0.2.83"])


@requirement("headless.srv.each-protocol")
def test_one_number_on_two_protocols_has_two_srv_records(situation: Situation, judge: Judge) -> None:
    names = expectations.srv_names(situation, "two-protocols")
    judge.insist(lambda: expectations.promised(situation, "SRV", *names), settled_at=situation.settled_at)


@requirement("headless.srv.unnamed-port-absent")
def test_a_port_without_a_name_has_no_srv_record(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("unnamed")
    absent = [f"_80._tcp.{name}", f"_http._tcp.{name}", f"_unnamed._tcp.{name}"]
    judge.insist(lambda: {Question(one, "SRV"): nothing() for one in absent}, settled_at=situation.settled_at)


@requirement("headless.srv.port-number")
def test_where_port_and_target_port_differ_one_of_them_is_given(situation: Situation, judge: Judge) -> None:
    names = expectations.srv_names(situation, "other-target")
    answers = judge.insist(lambda: expectations.promised(situation, "SRV", *names), settled_at=situation.settled_at)
    numbers = sorted({record.rdata.split()[2] for answer in answers for record in answer.records})
    judge.inform(f"of port 80 and target port 8080 the SRV records of a headless Service have {' and '.join(numbers)}")
