"""PTR records."""

from __future__ import annotations

import dns.message

from faults.kit import Say, asked, changes, deny, fitting, of_type, parsed, replace, says
from kube_dns_conformance.dns.model import Transport

ALL = ("*.ptr.*", "statefulset.names.reverse", "replicas.*")


@changes("ptr-missing", "clusterip.ptr.ipv4", *ALL)
def missing(answer: dns.message.Message) -> None:
    """No address leads to a name."""
    if of_type(answer, "PTR"):
        deny(answer, "NXDOMAIN")


@changes("ptr-wrong", "clusterip.ptr.ipv4", *ALL)
def wrong(answer: dns.message.Message) -> None:
    """Addresses lead to a name of nobody."""
    for one in of_type(answer, "PTR"):
        replace(answer, one, "nobody.nowhere.svc.cluster.local.")


@changes("ptr-parent", "statefulset.names.reverse", *ALL)
def parent(answer: dns.message.Message) -> None:
    """Addresses of endpoints lead to the name of their Service."""
    for one in of_type(answer, "PTR"):
        name = one[0].target
        if len(name) > 6:  # an endpoint's has a label more than web.shop.svc.cluster.local.
            replace(answer, one, str(name.parent()))


@changes("ptr-servfail", "clusterip.ptr.ipv4", *ALL)
def servfail(answer: dns.message.Message) -> None:
    """Questions for the name of an address fail."""
    if asked(answer)[1] == "PTR":
        deny(answer, "SERVFAIL")


@says("ptr-of-another", "headless.ptr.ipv4", *ALL)
def another() -> Say:
    """Addresses lead to the name of the Service or endpoint that was asked for before."""
    known: list[tuple[str, str]] = []

    def say(query: bytes, transport: Transport, said: bytes) -> bytes:
        answer = parsed(said)
        for one in of_type(answer, "PTR"):
            name, target = asked(answer)[0], str(one[0].target)
            if (name, target) not in known:
                known.append((name, target))
            others = [target for address, target in known if address != name]
            if others:
                replace(answer, one, others[-1])
        return fitting(answer, query, transport)

    return say
