"""What one process does of an audit: read the objects, choose what is its own, and have that asked."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.audit.findings import Finding, Outcome
from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.audit.reach import pod_types
from kube_dns_conformance.audit.rounds import Auditor
from kube_dns_conformance.audit.selection import Selection, select
from kube_dns_conformance.audit.share import ALL, Share
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import step
from kube_dns_conformance.promises import Key, Promises
from kube_dns_conformance.timings import Timings

NOT_SERVED = "the server does not know Pods by their addresses"


class Part(NamedTuple):
    """Of these namespaces, all when none is named, so many Services, 0 for all, and of what they promise a share.

    ``served`` has the record types that servers give for the addresses of Pods; None when that is to be found out.
    """

    namespaces: Collection[str] = ()
    sample: int = 0
    share: Share = ALL
    served: Collection[str] | None = None


def audit_part(
    kube: Kube,
    checks: Checks,
    zone: str,
    timings: Timings,
    part: Part,
    selected: Callable[[Outcome], None] = lambda _: None,
    found: Callable[[Finding], None] = lambda _: None,
) -> Outcome:
    """Read, select and ask. ``selected`` is told once it is known how much that is, ``found`` of every finding.

    Raises ClusterError when a server or the API server is gone, UsageError when there is no Service.
    """
    outcome = Outcome()
    with step("reading Services, EndpointSlices and Pods") as progress, outcome.spent_on("reading"):
        live = Live(kube, timings.api, progress, part.share)
    try:
        auditor = Auditor(live, checks, zone, timings, found, outcome)
        promises = auditor.promises()
        chosen = select(live, promises, zone, part.namespaces, part.sample, part.share)
        served = pod_types(checks, promises, chosen.keys) if part.served is None else part.served
        keys = _without_pods(chosen, promises, served)
        outcome.services, outcome.all_services = len(chosen.services), len(live.objects("Service"))
        outcome.skipped, outcome.pods_refused = chosen.skipped, live.pods_refused
        selected(outcome)
        gc.freeze()  # all of it stays: the collector need not look through it again and again
        auditor.audit(keys)
    finally:
        live.close()
    return outcome


def _without_pods(selected: Selection, promises: Promises, served: Iterable[str]) -> list[Key]:
    """Without the records of Pods of families that the servers do not have such records of."""
    known = frozenset(served)
    keys = [key for key in selected.keys if promises[key].section != "2.6" or key.rdtype in known]
    if left_out := len(selected.keys) - len(keys):
        selected.skipped[NOT_SERVED] += left_out
    return keys
