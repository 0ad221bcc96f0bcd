"""Before an audit: whether the servers answer at all, and whether they know Pods by their addresses."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable

from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.dns.compare import difference
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.promises import ADDRESS_TYPES, Key, Promises, expected
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import Ask

PAUSE_SECONDS = 0.1
PODS_TRIED = 3


def insist_answering(checks: Checks, zone: str, timings: Timings) -> None:
    """Raise ClusterError unless every server answers and one knows the Service that every cluster has.

    Otherwise not the records are wrong but the address of a server, or the zone.
    """
    name = f"kubernetes.default.svc.{zone}."
    asks: list[Ask] = [(Question(name, rdtype), server, "udp") for server in checks.servers for rdtype in ADDRESS_TYPES]
    deadline = time.monotonic() + timings.propagation
    while True:
        answers = checks.ask(asks)
        silent = [one for one in answers if not one.decisive]
        if not silent and any(one.records for one in answers):
            return
        if time.monotonic() > deadline:
            break
        time.sleep(PAUSE_SECONDS)
    hint = "--zone says the cluster domain"
    if not silent:
        raise ClusterError(f"no server knows {name}", hint)
    first = silent[0]
    what = f"{first.server.name} at {first.server} does not answer for {name}: {first.said()}"
    raise ClusterError(what, "" if first.problem else hint)


def pod_types(checks: Checks, promises: Promises, keys: Iterable[Key]) -> set[str]:
    """The record types that all servers give for a Pod's address (section 2.6), found by asking for a few."""
    pods: dict[str, list[Key]] = {}
    for key in keys:
        if promises[key].section == "2.6":
            pods.setdefault(key.rdtype, []).append(key)
    return {rdtype for rdtype, some in pods.items() if any(_known(checks, promises, one) for one in some[:PODS_TRIED])}


def served_types(
    kube: Kube, checks: Checks, zone: str, namespaces: Collection[str], rdtypes: Collection[str]
) -> set[str]:
    """The same before anything has been read: by the first Pods of these namespaces, of all when none is named.

    ``rdtypes`` are those that the cluster has addresses for.
    """
    tried: Promises = {}
    for items, _ in kube.pages("v1", "Pod"):
        tried |= expected(
            [], [], [one for one in items if not namespaces or one["metadata"]["namespace"] in namespaces], zone
        )
        count = Counter(key.rdtype for key in tried)
        if all(count[rdtype] >= PODS_TRIED for rdtype in rdtypes):
            break
    return pod_types(checks, tried, sorted(tried))


def _known(checks: Checks, promises: Promises, key: Key) -> bool:
    answers = checks.ask([(Question(*key), server, "udp") for server in checks.servers])
    return not any(difference(promises[key].expected(), answer) for answer in answers)
