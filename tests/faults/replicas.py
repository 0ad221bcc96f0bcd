"""One of two replicas lies, and the other is right."""

from __future__ import annotations

import dns.message

from faults.kit import Needs, asked, changes, deny, of_type

BESIDE = Needs.RIGHT_REPLICA


@changes("one-replica-lacks-an-address", "replicas.agreement.records", "*", needs=BESIDE)
def lacks(answer: dns.message.Message) -> None:
    """One of two replicas leaves out the last of several addresses."""
    found = of_type(answer, "A", "AAAA")
    if len(found) > 1:
        answer.answer.remove(found[-1])


@changes("one-replica-knows-nothing", "replicas.agreement.records", "*", needs=BESIDE)
def empty(answer: dns.message.Message) -> None:
    """One of two replicas denies every name, as before it has learned any."""
    if asked(answer)[0].endswith(".cluster.local."):
        deny(answer, "NXDOMAIN")


@changes("one-replica-fails", "replicas.agreement.records", "*", needs=BESIDE)
def fails(answer: dns.message.Message) -> None:
    """One of two replicas answers with SERVFAIL, as while it has not learned anything yet."""
    deny(answer, "SERVFAIL")
