"""SRV records: ports, targets and how many there are."""

from __future__ import annotations

import dns.message

from faults.kit import Upstream, changes, deny, of_type, replace

ALL = ("*.srv.*", "headless.portless.*", "statefulset.ordinals.srv-targets", "replicas.*", "transport.*")


@changes("srv-port", "clusterip.srv.named-port", *ALL)
def port(answer: dns.message.Message, _: Upstream) -> None:
    """The port of every SRV record is one too high."""
    for one in of_type(answer, "SRV"):
        srv = one[0]
        replace(answer, one, f"{srv.priority} {srv.weight} {srv.port + 1} {srv.target}")


@changes("srv-target", "clusterip.srv.target-resolves", *ALL)
def target(answer: dns.message.Message, _: Upstream) -> None:
    """SRV records lead to a name that does not exist."""
    for one in of_type(answer, "SRV"):
        srv = one[0]
        replace(answer, one, f"{srv.priority} {srv.weight} {srv.port} nowhere.{srv.target}")


@changes("srv-last-missing", "headless.srv.every-endpoint-and-port", *ALL)
def last_missing(answer: dns.message.Message, _: Upstream) -> None:
    """Of several SRV records the last is left out."""
    found = of_type(answer, "SRV")
    if len(found) > 1:
        answer.answer.remove(found[-1])


@changes("srv-target-of-another", "headless.srv.every-endpoint-and-port", *ALL)
def another(answer: dns.message.Message, _: Upstream) -> None:
    """Two SRV records lead to the same endpoint, and none to the other."""
    found = of_type(answer, "SRV")
    if len(found) > 1:
        replace(answer, found[-1], found[0][0].to_text())


@changes("srv-none", "clusterip.srv.named-port", *ALL)
def none(answer: dns.message.Message, _: Upstream) -> None:
    """There are no SRV records."""
    if of_type(answer, "SRV"):
        deny(answer, "NXDOMAIN")


@changes("srv-extra", "clusterip.srv.named-port", *ALL)
def extra(answer: dns.message.Message, _: Upstream) -> None:
    """Beside each SRV record is one for another port."""
    for one in of_type(answer, "SRV"):
        srv = one[0]
        replace(answer, one, srv.to_text(), f"{srv.priority} {srv.weight} 9 {srv.target}")
