"""Connections to a name: they reach the Pods that the Service selects, and each of them."""

from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.oracle import is_ready
from kube_dns_conformance.resolving import insist_each_reached, insist_reached, insist_resolved

PORT = 8765


@requirement("datapath.service.clusterip-reaches-every-pod")
def test_connections_to_the_one_cluster_ip_reach_every_pod(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("web")
    insist_reached(judge, situation, "client", name, 80, lambda: ready(situation, "web").values())


@requirement("datapath.service.headless-lets-choose")
def test_a_headless_name_gives_each_pod_to_choose_and_each_is_reached(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("web-headless")
    insist_resolved(judge, situation, "client", lambda: {name: list(ready(situation, "web-headless"))})
    insist_each_reached(judge, situation, "client", PORT, lambda: ready(situation, "web-headless"))


def ready(situation: Situation, service: str) -> dict[str, str]:
    """The address and name of each Pod that can be reached now."""
    pods = filter(is_ready, situation.pods(service))
    return {pod["status"]["podIP"]: pod["metadata"]["name"] for pod in pods}
