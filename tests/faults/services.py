"""SRV records: ports, targets and how many there are."""

from __future__ import annotations

import dns.message
import dns.rcode
import dns.rrset

from faults.kit import NO_LIE, Upstream, asked, changes, changes_knowing, deny, of_type, replace

ALL = (
    "*.srv.*",
    "headless.portless.*",
    "statefulset.ordinals.srv-targets",
    "replicas.*",
    "transport.*",
    "schema.*",
    "selectorless.headless.srv",
    "ttl.*",
)


@changes("srv-port", "clusterip.srv.named-port", *ALL)
def port(answer: dns.message.Message) -> None:
    """The port of every SRV record is one too high."""
    for one in of_type(answer, "SRV"):
        srv = one[0]
        replace(answer, one, f"{srv.priority} {srv.weight} {srv.port + 1} {srv.target}")


@changes("srv-target", "clusterip.srv.target-resolves", *ALL)
def target(answer: dns.message.Message) -> None:
    """SRV records lead to a name that does not exist."""
    for one in of_type(answer, "SRV"):
        srv = one[0]
        replace(answer, one, f"{srv.priority} {srv.weight} {srv.port} nowhere.{srv.target}")


@changes("srv-last-missing", "headless.srv.every-endpoint-and-port", *ALL)
def last_missing(answer: dns.message.Message) -> None:
    """Of several SRV records the last is left out."""
    found = of_type(answer, "SRV")
    if len(found) > 1:
        answer.answer.remove(found[-1])


@changes("srv-target-of-another", "headless.srv.every-endpoint-and-port", *ALL)
def another(answer: dns.message.Message) -> None:
    """Two SRV records lead to the same endpoint, and none to the other."""
    found = of_type(answer, "SRV")
    if len(found) > 1:
        replace(answer, found[-1], found[0][0].to_text())


@changes("srv-none", "clusterip.srv.named-port", *ALL)
def none(answer: dns.message.Message) -> None:
    """There are no SRV records."""
    if of_type(answer, "SRV"):
        deny(answer, "NXDOMAIN")


@changes("srv-extra", "clusterip.srv.named-port", *ALL)
def extra(answer: dns.message.Message) -> None:
    """Beside each SRV record is one for another port."""
    for one in of_type(answer, "SRV"):
        srv = one[0]
        replace(answer, one, srv.to_text(), f"{srv.priority} {srv.weight} 9 {srv.target}")


@changes("srv-port-as-priority", "clusterip.srv.named-port", *ALL)
def fields(answer: dns.message.Message) -> None:
    """The port of every SRV record is where the priority should be, and the priority where the port should be."""
    for one in of_type(answer, "SRV"):
        srv = one[0]
        replace(answer, one, f"{srv.port} {srv.weight} {srv.priority} {srv.target}")


@changes_knowing("srv-target-is-address", "clusterip.srv.target-resolves", *ALL)
def address(answer: dns.message.Message, upstream: Upstream) -> None:
    """SRV records lead to an address instead of a name."""
    for one in of_type(answer, "SRV"):
        srv = one[0]
        found = upstream.look_up(str(srv.target), "A")
        if found:
            replace(answer, one, f"{srv.priority} {srv.weight} {srv.port} {found[0][0].address}.")


@changes_knowing("srv-for-any-protocol", "clusterip.srv.other-protocol-absent", *ALL)
def protocol(answer: dns.message.Message, upstream: Upstream) -> None:
    """A port of TCP is answered for as one of UDP as well."""
    _found_under(answer, upstream, "._udp.", "._tcp.")


@changes_knowing("srv-for-any-port", "negative.names.unknown-port", *ALL, "headless.srv.*")
def any_port(answer: dns.message.Message, upstream: Upstream) -> None:
    """Every name of a port is answered with the port named http."""
    name, _ = asked(answer)
    _found_under(answer, upstream, f"{name.split('.')[0]}.", "_http.")


@changes("srv-priorities", NO_LIE)
def priorities(answer: dns.message.Message) -> None:
    """SRV records have another priority and weight."""
    for one in of_type(answer, "SRV"):
        srv = one[0]
        replace(answer, one, f"7 3 {srv.port} {srv.target}")


def _found_under(answer: dns.message.Message, upstream: Upstream, part: str, other: str) -> None:
    """What does not exist is answered with what there is under another name."""
    name, rdtype = asked(answer)
    if rdtype != "SRV" or answer.answer or part not in name or part == other:
        return
    found = upstream.look_up(name.replace(part, other, 1), rdtype)
    if found:
        answer.set_rcode(dns.rcode.NOERROR)
        answer.authority = []
        answer.answer = [dns.rrset.from_text(name, one.ttl, "IN", "SRV", one[0].to_text()) for one in found]
