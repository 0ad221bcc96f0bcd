"""The cluster domain: as the user writes it, and as a cluster's own DNS says it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import dns.reversename
from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance.dns.ask import ask_all
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.errors import ClusterError, UsageError
from kube_dns_conformance.kube import Kube

DEFAULT_ZONE = "cluster.local"
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LONGEST = 253
ANSWER_SECONDS = 2.0
EVERY_CLUSTERS_SERVICE = "kubernetes.default.svc."


def parse_zone(text: str) -> str:
    """Lower case, without a final dot; "" stays "". Raises UsageError for what cannot be a cluster domain."""
    zone = text.lower().removesuffix(".")
    if text and not is_zone(zone):
        raise UsageError(
            f"--zone {text!r} is not a domain",
            f"labels of 1 to 63 letters, digits and hyphens, together up to {LONGEST}, such as {DEFAULT_ZONE}",
        )
    return zone


def is_zone(text: str) -> bool:
    """Whether this can be a cluster domain, as `parse_zone` returns it."""
    return len(text) <= LONGEST and all(LABEL.fullmatch(label) for label in text.split("."))


def find_zone(kube: Kube, servers: Iterable[Server]) -> str | None:
    """What the servers call the one Service that every cluster has, asked for by its address; None when unclear."""
    try:
        address = kube.get("v1", "Service", "kubernetes", "default")["spec"]["clusterIP"]
    except (ClusterError, NotFoundError):
        return None
    question = Question(str(dns.reversename.from_address(address)), "PTR")
    answers = ask_all([(question, server, "udp") for server in servers], ANSWER_SECONDS)
    names = {record.rdata for answer in answers for record in answer.records if record.rdtype == "PTR"}
    zones = {name.removeprefix(EVERY_CLUSTERS_SERVICE).removesuffix(".") for name in names}
    zone = zones.pop() if len(zones) == 1 else ""
    return zone if names == {f"{EVERY_CLUSTERS_SERVICE}{zone}."} and is_zone(zone) else None
