"""What a DNS server may do or leave out, whether it is there at all: found by asking it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.promises import pod_record_name
from kube_dns_conformance.vantage import Ask, Vantage

CLUSTER_SET_ZONE = "clusterset.local"
NOBODY = ("192.0.2.1", "default")
"""Where Pods are not looked up, any address will do in a namespace that exists; this one is nobody's (RFC 5737)."""


class Seen(NamedTuple):
    """What asking showed: the capabilities of the DNS, and the servers that gave no usable answer at all."""

    capabilities: frozenset[Capability]
    silent: tuple[Server, ...]


def find(cluster: Cluster, vantage: Vantage, pods: Iterable[tuple[str, str]] = ()) -> Seen:
    """Ask every server; ``pods`` are addresses and namespaces of Pods that exist.

    What any of several servers can do, all are expected to do.
    """
    names = [pod_record_name(ip, namespace, cluster.zone) for ip, namespace in (NOBODY, *pods)]
    by_address = [Question(name, rdtype) for name in names for rdtype in ("A", "AAAA")]
    cluster_set = Question(f"dns-version.{CLUSTER_SET_ZONE}.", "TXT")
    asks: list[Ask] = [(question, server, "udp") for question in (*by_address, cluster_set) for server in cluster.dns]
    answers = vantage.ask(asks)
    answered = {answer.question for answer in answers if answer.records}
    found = {Capability.POD_RECORDS} if answered & set(by_address) else set()
    found |= {Capability.CLUSTER_SET} if cluster_set in answered else set()
    heard = {answer.server for answer in answers if answer.rcode is not None}
    return Seen(frozenset(found), tuple(server for server in cluster.dns if server not in heard))
