"""Asking a cluster from inside: its agents are made, and it is seen as they see it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from kube_dns_conformance import oracle
from kube_dns_conformance.agent import workload
from kube_dns_conformance.agent.discovery import NOT_A_SERVICE, discover
from kube_dns_conformance.agent.observations import Probe
from kube_dns_conformance.agent.proxy import Agents
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.dns.ask import Stream
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.probing import InAgent, Probing
from kube_dns_conformance.promises import ADDRESS_TYPES
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import Vantage

PAUSE_SECONDS = 0.1
POST_PATIENCE_SECONDS = 1.0
"""While one node is out of reach the others are not heard."""


class Inside(Vantage):
    """Asks from the agents of a run, or first of all from the one on the node ``place``."""

    def __init__(self, agents: Agents, timeout: float, place: str = "") -> None:
        super().__init__("agent", agents.exchange, timeout)
        self.agents = agents
        self._place = place

    def flights(self, rate: float) -> Stream:
        """See `Vantage`. An agent is given all requests of a batch."""
        return lambda requests: enumerate(self.agents.fly(list(requests), rate))

    def probe(self, probes: Sequence[Probe], slot: float, position: str = "") -> Probing:
        """See `Vantage`."""
        return InAgent(self.agents, probes, slot, self.timeout, position)

    @property
    def place(self) -> str:
        """See `Vantage`."""
        return self._place

    def places(self) -> Sequence[Vantage]:
        """One for each node with an agent that is ready; should that agent go, others ask in its place."""
        by_node = {agent.node: agent for agent in reversed(self.agents.ready())}
        return [Inside(self.agents.beginning_with(by_node[one]), self.timeout, one) for one in sorted(by_node)] or [
            self
        ]

    def posts(self) -> Sequence[Vantage]:
        """One for each node with an agent that is ready; should that agent go, nobody asks in its place."""
        nodes = sorted({agent.node for agent in self.agents.ready()})
        return [Inside(self.agents.only_on(one, POST_PATIENCE_SECONDS), self.timeout, one) for one in nodes]

    @property
    def name(self) -> str:
        """With the node of the agent that was asked last."""
        return self.agents.name


def enter(
    kube: Kube, mirror: Mirror, run: str, image: str, token: str, timings: Timings, *, every_node: bool = False
) -> Inside:
    """Make the agents. ``mirror`` must follow what is labelled with ``run``. Raises ClusterError."""
    agents = workload.deploy(kube, mirror, run, image, token, timings, every_node=every_node)
    return Inside(agents, timings.answer)


def join(kube: Kube, mirror: Mirror, run: str, token: str, timings: Timings) -> Inside:
    """Ask from the agents that another process of the same run made."""
    return Inside(workload.find(kube, mirror, run, token, timings), timings.answer)


def look(kube: Kube, cluster: Cluster, vantage: Inside, run: str, zone: str) -> Cluster:
    """The cluster with the DNS that its Pods use. ``zone`` is the user's word for its domain, if there is one."""
    facts = vantage.agents.ask(lambda agent: agent.facts())
    dns = discover(kube, facts.resolv_conf, workload.namespace_of(run), zone, partial(_know, vantage))
    capabilities = (cluster.capabilities - {Capability.DNS_REPLICAS}) | {Capability.REAL_PODS}
    if _takes_pods_on_several_nodes(kube):
        capabilities |= {Capability.REAL_NODES}
    if len(dns.replicas) > 1:
        capabilities |= {Capability.DNS_REPLICAS}
    if any(server.name == NOT_A_SERVICE for server in dns.addresses):
        capabilities |= {Capability.NODE_LOCAL_CACHE}
    note = "" if zone else "as its Pods are told"
    seen = replace(cluster, zone=dns.zone, zone_note=note, dns=dns.servers, implementation=dns.software)
    return replace(seen, capabilities=capabilities)


def _know(vantage: Vantage, servers: Sequence[Server], zone: str) -> bool:
    """Whether one of them knows the Service that every cluster has."""
    questions = [Question(f"kubernetes.default.svc.{zone}.", rdtype) for rdtype in ADDRESS_TYPES]
    return any(
        answer.records
        for answer in vantage.ask([(question, server, "udp") for server in servers for question in questions])
    )


def _takes_pods_on_several_nodes(kube: Kube) -> bool:
    try:
        nodes, _ = kube.list("v1", "Node")
    except ClusterError:
        return False  # not everybody may see the nodes
    free = [node for node in nodes if not node["spec"].get("taints") and oracle.has_condition(node, "Ready")]
    return len(free) > 1


def wait_answering(cluster: Cluster, vantage: Vantage, timings: Timings) -> bool:
    """Whether every server answered for the Service that every cluster has, `Timings.stable` times in a row.

    A server that did not, within the propagation budget, is left to the requirements to judge.
    """
    rdtype = "A" if Capability.IPV4 in cluster.capabilities else "AAAA"
    question = Question(f"kubernetes.default.svc.{cluster.zone}.", rdtype)
    deadline = time.monotonic() + timings.propagation
    in_a_row = 0
    while in_a_row < timings.stable:
        answers = vantage.ask([(question, server, "udp") for server in cluster.dns])
        in_a_row = in_a_row + 1 if all(answer.records for answer in answers) else 0
        if not in_a_row:
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
    return True
