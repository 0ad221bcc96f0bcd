"""Judges what programs in Pods find: through their resolver, in their resolv.conf, and whom a connection reaches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kube_dns_conformance.agent import discovery
from kube_dns_conformance.dns.compare import in_order, normal
from kube_dns_conformance.judge import ROUND_PAUSE_SECONDS, Judge
from kube_dns_conformance.rounds import Rounds
from kube_dns_conformance.run import Run
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.text import printable

Findings = Mapping[str, str]
"""What was looked at, and what was found there."""

CONNECTIONS_AT_ONCE = 20
CONNECTIONS_AT_MOST = 400


@dataclass(frozen=True)
class ResolvConf:
    """What a resolv.conf begins with: nameservers and search domains in order, options in any (resolv.conf(5))."""

    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    options: frozenset[str]

    def __str__(self) -> str:
        options = " ".join(sorted(self.options))
        return f"nameserver {' '.join(self.nameservers)}, search {' '.join(self.search)}, options {options}"


def insist_resolved(judge: Judge, situation: Situation, pod: str, expected: Mapping[str, Sequence[str]]) -> None:
    """A program in ``pod`` must get exactly these addresses for each name, in any order (getaddrinfo(3))."""
    agent = situation.agent(pod)

    def look() -> Findings:
        return {one.name: one.error or _addresses(one.addresses) for one in agent.resolve(list(expected))}

    wanted = {name: _addresses(addresses) for name, addresses in expected.items()}
    _insist(judge, situation, f"getaddrinfo in Pod {pod}", wanted, look)


def insist_configured(judge: Judge, situation: Situation, pod: str, expected: ResolvConf) -> None:
    """The resolv.conf of ``pod`` must have these nameservers and options, and begin its search list like this.

    The node's own search domains may follow, where the Pod's dnsPolicy lets them.
    """

    def look() -> Findings:
        found = resolv_conf(situation, pod)
        more = set(found.search[len(expected.search) :])
        search = tuple(name for name in found.search if name not in more or name in expected.search)
        return {"resolv.conf": str(ResolvConf(found.nameservers, search, found.options))}

    _insist(judge, situation, f"file in Pod {pod}", {"resolv.conf": str(expected)}, look)


def insist_called(judge: Judge, situation: Situation, pod: str, *, hostname: str, fqdn: str) -> None:
    """What ``hostname`` and ``hostname -f`` say in ``pod``."""
    agent = situation.agent(pod)

    def look() -> Findings:
        facts = agent.facts()
        return {"hostname": facts.hostname, "hostname -f": facts.fqdn}

    expected = {"hostname": hostname.rstrip("."), "hostname -f": fqdn.rstrip(".")}
    _insist(judge, situation, f"command in Pod {pod}", expected, look)


def insist_reached(judge: Judge, situation: Situation, client: str, name: str, port: int, pods: Iterable[str]) -> None:
    """Connections from ``client`` to ``name`` must all be answered, and all of ``pods`` and nobody else reached."""
    agent = situation.agent(client)
    expected = {f"{name}:{port}": " ".join(sorted(pods))}
    wanted = set(expected[f"{name}:{port}"].split())

    def look() -> Findings:
        reached: set[str] = set()
        for _ in range(CONNECTIONS_AT_MOST // CONNECTIONS_AT_ONCE):
            made = agent.connect([(name, port)] * CONNECTIONS_AT_ONCE)
            reached |= {one.error or one.hostname for one in made}
            if not wanted - reached or reached - wanted:
                break
        return {f"{name}:{port}": " ".join(sorted(reached))}

    _insist(judge, situation, f"connections from Pod {client}", expected, look)


def insist_each_reached(judge: Judge, situation: Situation, client: str, port: int, pods: Mapping[str, str]) -> None:
    """A connection from ``client`` to each of these addresses must reach the Pod that has it."""
    agent = situation.agent(client)

    def look() -> Findings:
        made = agent.connect([(address, port) for address in pods])
        return {address: one.error or one.hostname for address, one in zip(pods, made, strict=True)}

    _insist(judge, situation, f"connection from Pod {client}", pods, look)


def of_cluster(run: Run, situation: Situation) -> ResolvConf:
    """What ClusterFirst promises: the cluster's DNS, and its search list before the node's."""
    zone = situation.zone
    addresses = tuple(server.host for server in run.cluster.dns if not server.single)
    return ResolvConf(addresses, (f"{situation.namespace}.svc.{zone}", f"svc.{zone}", zone), frozenset({"ndots:5"}))


def resolv_conf(situation: Situation, pod: str) -> ResolvConf:
    """The resolv.conf of a Pod. Raises ClusterError when its agent cannot be asked."""
    found = discovery.parse(situation.agent(pod).facts().resolv_conf)
    return ResolvConf(found.nameservers, found.search, frozenset(found.options))


def _insist(judge: Judge, situation: Situation, how: str, expected: Findings, look: Callable[[], Findings]) -> None:
    """Look until all is as expected several times in a row, or is not when DNS and its caches have no excuse left."""
    rounds = Rounds(judge.timings, situation.settled_at)
    while not rounds.right_for_good:
        seen = look()
        wrong = [what for what, must in expected.items() if seen[what] != must]
        # What a cache between the program and DNS was granted does not show here: the most that any is.
        rounds.add([(what, seen[what]) for what in wrong], judge.timings.cache)
        judge.evidence.found(how, expected, seen)
        if rounds.right_for_good or rounds.without_excuse:
            judge.confirm()
        if rounds.without_excuse:
            _condemn(judge, how, wrong[0], expected[wrong[0]], seen[wrong[0]], str(rounds))
        if rounds.troubled:
            time.sleep(ROUND_PAUSE_SECONDS)


def _condemn(judge: Judge, how: str, what: str, expected: str, got: str, how_long: str) -> None:
    judge.condemn(
        f"{judge.short(what)} is not what must be found by {how}",
        f"asked     {what} ({how})",
        f"expected  {expected}",
        f"got       {printable(got)}   ({how_long})",
    )


def _addresses(found: Sequence[str]) -> str:
    return " ".join(in_order({normal(one) for one in found}))
