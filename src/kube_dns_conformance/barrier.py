"""Waits until DNS has caught up with the API server, without asking any name that will be judged.

A name that is asked too early may be denied from a cache for as long as the zone's negative TTL, and a verdict would
have to wait for that. Watches are ordered: a server that knows an EndpointSlice knows every earlier one. So a canary is
made last, and asked for by names that are each used once, until every server knows it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.oracle import SERVICE_LABEL
from kube_dns_conformance.vantage import Vantage

# A slice may hold 1,000 endpoints; this many names last for about 10 s of asking.
NAMES = 500
PAUSE_SECONDS = 0.02


def wait_caught_up(kube: Kube, cluster: Cluster, vantage: Vantage, namespace: str, within: float) -> bool:
    """Whether every server caught up ``within`` seconds. A server that did not is left to the requirements to judge."""
    v4 = Capability.IPV4 in cluster.capabilities
    try:
        kube.apply(_service(namespace, v4=v4))
        kube.apply(_slice(namespace, v4=v4))
    except ClusterError:
        return False  # not everybody may make EndpointSlices
    waiting: Sequence[Server] = cluster.dns
    deadline = time.monotonic() + within
    for index in range(NAMES):
        question = Question(f"p{index}.canary.{namespace}.svc.{cluster.zone}.", "A" if v4 else "AAAA")
        answers = vantage.ask([(question, server, "udp") for server in waiting])
        waiting = [answer.server for answer in answers if not answer.records]
        if not waiting:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return False


def _service(namespace: str, *, v4: bool) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "canary", "namespace": namespace},
        "spec": {
            "clusterIP": "None",
            "ipFamilies": ["IPv4" if v4 else "IPv6"],
            "ports": [{"name": "canary", "port": 80}],
        },
    }


def _slice(namespace: str, *, v4: bool) -> dict[str, object]:
    # Addresses set aside for documentation (RFC 5737, RFC 3849): nobody connects to them.
    address = "192.0.2.1" if v4 else "2001:db8::1"
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "canary",
            "namespace": namespace,
            "labels": {SERVICE_LABEL: "canary"},
        },
        "addressType": "IPv4" if v4 else "IPv6",
        "ports": [{"name": "canary", "port": 80}],
        "endpoints": [
            {"addresses": [address], "hostname": f"p{index}", "conditions": {"ready": True}} for index in range(NAMES)
        ],
    }
