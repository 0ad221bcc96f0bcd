"""Section 2.4.2: the SRV records of a headless Service."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import at_least
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.oracle import pod_name, srv_name


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
