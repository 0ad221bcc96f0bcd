"""Judges what programs in Pods find: through their resolver, in their resolv.conf, and whom a connection reaches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kube_dns_conformance.agent import discovery
from kube_dns_conformance.agent.proxy import Agent, Agents
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.model import normal
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.judge import ROUND_PAUSE_SECONDS, Judge
from kube_dns_conformance.rounds import Rounds
from kube_dns_conformance.run import Run
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.text import in_order, printable

Findings = Mapping[str, str]
"""What was looked at, and what was found there."""

T = TypeVar("T")
CONNECTIONS_AT_ONCE = 20
CONNECTIONS_AT_MOST = 400


NODES_OWN = "…"
"""In a search list that is expected: the search domains of the node, as many as it has."""


@dataclass(frozen=True)
class ResolvConf:
    """What a resolv.conf says: nameservers and search domains in order, options in any (resolv.conf(5))."""

    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    options: frozenset[str]

    def __str__(self) -> str:
        options = " ".join(sorted(self.options))
        return f"nameserver {' '.join(self.nameservers)}, search {' '.join(self.search)}, options {options}"


def insist_resolved(
    judge: Judge, situation: Situation, pod: str, expect: Callable[[], Mapping[str, Sequence[str]]]
) -> None:
    """A program in ``pod`` must get exactly these addresses for each name, in any order (getaddrinfo(3))."""

    def wanted() -> Findings:
        return {name: _addresses(addresses) for name, addresses in expect().items()}

    def look(expected: Findings) -> Findings:
        found = _ask(situation, pod, lambda agent: agent.resolve(list(expected)))
        return {one.name: one.error or _addresses(one.addresses) for one in found}

    _insist(judge, situation, f"getaddrinfo in Pod {pod}", wanted, look)


def insist_configured(judge: Judge, situation: Situation, pod: str, expected: ResolvConf) -> None:
    """The resolv.conf of ``pod`` must have these nameservers, search domains and options, and nothing else.

    Where `NODES_OWN` is expected the kubelet puts the node's search domains, and each domain once: one that the Pod
    names as well may stand among them. It takes no options of the node where the Pod asks the cluster.
    """

    def look(_: Findings) -> Findings:
        found = resolv_conf(situation, pod)
        search = expected.search if _is_search(found.search, expected.search) else found.search
        return {"resolv.conf": str(ResolvConf(found.nameservers, search, found.options))}

    _insist(judge, situation, f"file in Pod {pod}", lambda: {"resolv.conf": str(expected)}, look)


def insist_called(judge: Judge, situation: Situation, pod: str, *, hostname: str, fqdn: str) -> None:
    """What ``hostname`` and ``hostname -f`` say in ``pod``."""

    def look(_: Findings) -> Findings:
        facts = _ask(situation, pod, lambda agent: agent.facts())
        return {"hostname": facts.hostname, "hostname -f": facts.fqdn}

    expected = {"hostname": hostname.rstrip("."), "hostname -f": fqdn.rstrip(".")}
    _insist(judge, situation, f"command in Pod {pod}", lambda: expected, look)


def insist_reached(
    judge: Judge, situation: Situation, client: str, name: str, port: int, expect: Callable[[], Iterable[str]]
) -> None:
    """Connections from ``client`` to ``name`` must all be answered, and all these Pods and nobody else reached."""
    asked = f"{name}:{port}"

    def look(expected: Findings) -> Findings:
        wanted, reached = set(expected[asked].split()), set[str]()
        for _ in range(CONNECTIONS_AT_MOST // CONNECTIONS_AT_ONCE):
            made = _ask(situation, client, lambda agent: agent.connect([(name, port)] * CONNECTIONS_AT_ONCE))
            reached |= {one.error or one.hostname for one in made}
            if not wanted - reached or reached - wanted:
                break
        return {asked: " ".join(sorted(reached))}

    _insist(judge, situation, f"connections from Pod {client}", lambda: {asked: " ".join(sorted(expect()))}, look)


def insist_each_reached(
    judge: Judge, situation: Situation, client: str, port: int, expect: Callable[[], Mapping[str, str]]
) -> None:
    """A connection from ``client`` to each of these addresses must reach the Pod that has it."""

    def look(expected: Findings) -> Findings:
        made = _ask(situation, client, lambda agent: agent.connect([(address, port) for address in expected]))
        return {address: one.error or one.hostname for address, one in zip(expected, made, strict=True)}

    _insist(judge, situation, f"connection from Pod {client}", expect, look)


def of_cluster(run: Run, situation: Situation) -> ResolvConf:
    """What ClusterFirst promises: the cluster's DNS, and its search list before the node's."""
    zone = situation.zone
    addresses = tuple(server.host for server in run.cluster.dns if not server.single)
    search = (f"{situation.namespace}.svc.{zone}", f"svc.{zone}", zone, NODES_OWN)
    return ResolvConf(addresses, search, frozenset({"ndots:5"}))


def resolv_conf(situation: Situation, pod: str) -> ResolvConf:
    """The resolv.conf of a Pod. Raises ClusterError when its agent cannot be asked."""
    found = discovery.parse(_ask(situation, pod, lambda agent: agent.facts()).resolv_conf)
    return ResolvConf(found.nameservers, found.search, frozenset(found.options))


def _ask(situation: Situation, pod: str, what: Callable[[Agent], T]) -> T:
    """Ask the agent in a Pod, as patiently as others are asked."""
    return Agents(lambda: [situation.agent(pod)], situation.timings.api).ask(what)


def _is_search(found: Sequence[str], expected: Sequence[str]) -> bool:
    if NODES_OWN not in expected:
        return found == expected
    at = expected.index(NODES_OWN)
    first, later = expected[:at], expected[at + 1 :]
    rest = iter(found[at:])
    return found[:at] == first and all(name in rest for name in later)


def _insist(
    judge: Judge,
    situation: Situation,
    how: str,
    expect: Callable[[], Findings],
    look: Callable[[Findings], Findings],
) -> None:
    """Look until all is as expected several times in a row, or is not when DNS and its caches have no excuse left.

    What is expected is asked for again after every look, as `Judge.insist` does. Raises ClusterError when it does not
    stop changing, or is nothing.
    """
    rounds = Rounds(judge.timings, situation.settled_at)
    expected = expect()
    while not rounds.right_for_good:
        if not expected or not all(expected.values()):
            raise ClusterError(f"nothing is there to be found by {how}")
        asked_at = now()
        seen = look(expected)
        wrong = [what for what, must in expected.items() if seen[what] != must]
        # What a cache between the program and DNS was granted does not show here: the most that any is.
        rounds.add([(what, seen[what]) for what in wrong], judge.timings.cache, asked_at)
        judge.evidence.found(how, expected, seen)
        waited = judge.confirm(rounds)
        before, expected = expected, expect()
        if waited or expected != before:
            rounds.begin_anew()
        elif rounds.without_excuse:
            judge.evidence.wrong = rounds.wrong
            _condemn(judge, how, wrong[0], expected[wrong[0]], seen[wrong[0]], rounds.when_wrong())
        elif rounds.troubled:
            time.sleep(ROUND_PAUSE_SECONDS)


def _condemn(judge: Judge, how: str, what: str, expected: str, got: str, when: str) -> None:
    judge.condemn(
        f"{judge.short(what)} is not what must be found by {how}",
        f"asked     {what} ({how})",
        f"when      {when}",
        f"expected  {expected}",
        f"got       {printable(got)}",
    )


def _addresses(found: Sequence[str]) -> str:
    return " ".join(in_order({normal(one) for one in found}))
