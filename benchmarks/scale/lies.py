"""Twenty records that are wrong: a CoreDNS of the same cluster that says something else of twenty questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.scale import world
from kube_dns_conformance.promises import reverse_name

OF_EACH_KIND = 4
WRONG_ADDRESS = "203.0.113.1"
KUBERNETES = "    kubernetes $zone"


class Lie(NamedTuple):
    """A question, and what comes instead: records without their owner's name, none for NXDOMAIN."""

    name: str
    rdtype: str
    records: tuple[str, ...]


def planted(endpoints: int, zone: str) -> list[Lie]:
    """Of five kinds, all over the cluster."""
    found = list(_all(endpoints // world.PER_SERVICE, zone))
    assert len({one[:2] for one in found}) == 5 * OF_EACH_KIND
    return found


def corefile(ours: str, lies: list[Lie]) -> str:
    """The Corefile of embedded clusters with these lies in front; what else is asked is answered as ever."""
    assert ours.count(KUBERNETES) == 1
    return ours.replace(KUBERNETES, "".join(map(_block, lies)) + KUBERNETES)


def _all(services: int, zone: str) -> Iterator[Lie]:
    step = services // (2 * OF_EACH_KIND) * 2
    for at in range(0, step * OF_EACH_KIND, step):  # all even: with hostnames
        below = f"{world.space(at)}.svc.{zone}."
        web, db = f"web-{at}.{below}", f"db-{at}.{below}"
        right = [world.address(at, one) for one in range(world.PER_SERVICE)]
        yield Lie(web, "A", (f"A {WRONG_ADDRESS}",))
        yield Lie(f"_http._tcp.{web}", "SRV", (f"SRV 0 100 81 {web}",))
        yield Lie(db, "A", tuple(f"A {one}" for one in right[1:]))
        yield Lie(f"db-{at}-3.{db}", "A", ())
        yield Lie(reverse_name(right[5]), "PTR", (f"PTR db-{at}-6.{db}",))


def _block(lie: Lie) -> str:
    pattern = lie.name.replace(".", "[.]")
    lines = [f'answer "{{{{ .Name }}}} 30 IN {one}"' for one in lie.records]
    if not lines:
        lines = ["rcode NXDOMAIN", 'authority "$zone. 30 IN SOA ns.dns.$zone. hostmaster.$zone. 1 7200 1800 86400 5"']
    inside = "\n        ".join([f"match ^{pattern}$$", *lines, "fallthrough"])
    return f"    template IN {lie.rdtype} . {{\n        {inside}\n    }}\n"
