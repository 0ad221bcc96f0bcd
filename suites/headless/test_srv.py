"""Section 2.4.2: the SRV records of a headless Service."""

from kube_dns_conformance.dns.compare import Expected, exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.oracle import pod_addresses, pod_name, srv_name


@requirement("headless.srv.every-endpoint-and-port")
def test_each_named_port_has_one_srv_record_per_ready_pod(situation: Situation, judge: Judge) -> None:
    def expect() -> dict[Question, Expected]:
        web, pods = situation.service("web-headless"), situation.pods("web-headless")
        targets = {pod_name(pod, web, situation.zone): pod for pod in pods}
        srv = {
            Question(srv_name(web, port, situation.zone), "SRV"): exactly(
                f"{port['port']} {target}" for target in targets
            )
            for port in web["spec"]["ports"]
        }
        rdtypes = {"IPv4": "A", "IPv6": "AAAA"}
        addresses = {
            Question(target, rdtypes[family]): exactly(pod_addresses([pod], rdtypes[family]))
            for target, pod in targets.items()
            for family in web["spec"]["ipFamilies"]
        }
        return srv | addresses

    judge.insist(expect, settled_at=situation.settled_at)
