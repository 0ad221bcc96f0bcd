"""Names that a server chose itself, as targets of SRV and PTR records: they must lead to endpoints."""

from __future__ import annotations

from collections.abc import Iterable

from kube_dns_conformance.dns.compare import Choice, exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.judge import Judge
from kube_dns_conformance.situations import Situation


def insist_reaching(
    judge: Judge, situation: Situation, targets: Iterable[str], rdtype: str, addresses: Iterable[str]
) -> None:
    """Each of these names must answer one of the addresses and nothing else, and together they must reach all."""
    wanted = frozenset(addresses)
    must = exactly([], [Choice(wanted)])
    questions = {Question(target, rdtype): must for target in targets}
    answers = judge.insist(lambda: questions, settled_at=situation.settled_at)
    reached = {value for answer in answers for value in answer.records.values}
    if missing := sorted(wanted - reached):
        judge.condemn(
            f"no target leads to {' '.join(missing)}",
            *(f"got       {question.name} answers one of {' '.join(sorted(reached))}" for question in questions),
        )
