"""CNAME records of ExternalName Services."""

from __future__ import annotations

import dns.message
import dns.rrset

from faults.kit import FOREIGN, asked, changes, deny, of_type, replace

ALL = ("externalname.*", "survival.type-changed.*", "replicas.*")


@changes("cname-wrong", "externalname.alias.cname", *ALL)
def wrong(answer: dns.message.Message) -> None:
    """Aliases lead somewhere else."""
    for one in of_type(answer, "CNAME"):
        replace(answer, one, "elsewhere.example.")


@changes("cname-missing", "externalname.alias.cname", *ALL)
def missing(answer: dns.message.Message) -> None:
    """There are no aliases."""
    if of_type(answer, "CNAME"):
        deny(answer, "NXDOMAIN")


@changes("cname-loop", "externalname.alias.cname", *ALL)
def loop(answer: dns.message.Message) -> None:
    """Aliases lead to themselves."""
    for one in of_type(answer, "CNAME"):
        replace(answer, one, str(one.name))


@changes("cname-flattened", "externalname.alias.cname", *ALL)
def flattened(answer: dns.message.Message) -> None:
    """What an alias leads to is answered under the alias, without the alias."""
    found = of_type(answer, "CNAME")
    if found and asked(answer)[1] != "CNAME":
        name = found[0].name
        rest = [one for one in answer.answer if one not in found]
        answer.answer = [dns.rrset.from_rdata(name, one.ttl, one[0]) for one in rest]


@changes("cname-followed-wrongly", "externalname.alias.inside-followed", *ALL)
def followed(answer: dns.message.Message) -> None:
    """The alias is right, the address behind it nobody's."""
    if of_type(answer, "CNAME"):
        for one in of_type(answer, "A"):
            replace(answer, one, FOREIGN["A"])


@changes("cname-twice", "externalname.alias.cname", *ALL)
def two(answer: dns.message.Message) -> None:
    """One name has two aliases."""
    for one in of_type(answer, "CNAME"):
        replace(answer, one, one[0].to_text(), "elsewhere.example.")
