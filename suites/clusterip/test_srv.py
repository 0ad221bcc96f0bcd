"""Section 2.3.2: the SRV records of a Service with a ClusterIP."""

from kube_dns_conformance.dns.compare import Expected, at_least
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.oracle import service_name, srv_name


@requirement("clusterip.srv.named-port")
def test_each_named_port_has_one_srv_record(situation: Situation, judge: Judge) -> None:
    def expect() -> dict[Question, Expected]:
        web = situation.service("web")
        target = service_name(web, situation.zone)
        return {
            Question(srv_name(web, port, situation.zone), "SRV"): at_least([f"{port['port']} {target}"])
            for port in web["spec"]["ports"]
        }

    judge.insist(expect, settled_at=situation.settled_at)
