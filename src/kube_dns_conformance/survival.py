"""Changes something while DNS is watched, and judges what was seen: what follows, what goes, what never blinks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from kube_dns_conformance import timeline
from kube_dns_conformance.dns.compare import Expected
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.judge import Expectations, Judge
from kube_dns_conformance.run import Run
from kube_dns_conformance.situations import Situation


@dataclass(frozen=True)
class Change:
    """What was seen from before a change until the right answers held, or had no time left. Times in epoch seconds.

    ``deadline`` is when DNS has no excuse left: the objects' last change, plus the propagation budget, plus the TTL
    that the server announced.
    """

    answers: list[Answer]
    after: Expectations
    settled_at: float
    deadline: float


def observe(
    run: Run,
    situation: Situation,
    before: Expectations,
    change: Callable[[], None],
    after: Callable[[], Expectations],
) -> Change:
    """Watch the names of ``before`` while ``change`` happens.

    ``change`` returns when the objects are as they shall be; ``after`` is called then, and must know the same names.
    """
    with timeline.Watch(run.vantage, run.cluster.dns, list(before)) as watch:
        # Only what was right before can be seen to break.
        watch.wait(lambda seen: _hold(seen, before, 0.0), time.time() + run.timings.propagation)
        change()
        situation.wait_settled()
        expected = after()
        granted = min(_longest_ttl(watch.answers()), run.timings.cache)
        settled_at, hold = situation.settled_at, run.timings.hold
        deadline = settled_at + run.timings.propagation + granted
        # What held before the change says nothing about afterwards.
        watch.wait(lambda seen: _hold([one for one in seen if one.sent >= settled_at], expected, hold), deadline + hold)
    return Change(watch.answers(), expected, settled_at, deadline)


def insist_followed(judge: Judge, change: Change, *questions: Question) -> None:
    """Every server's answer must have become right before the deadline, and must have stayed so."""
    for question in questions:
        expected = change.after[question]
        for lane, row in _lanes(judge, change, question, expected).items():
            since = timeline.settles(row, expected)
            wrong = timeline.deviations(row, expected)
            if wrong and (since is None or since > change.deadline):
                late = "did not follow" if since is None else f"was {since - change.deadline:.1f} s late to follow"
                _condemn(judge, f"{late} the change", wrong[-1], expected, f"last wrong answer of {lane.server}")


def insist_gone(judge: Judge, change: Change, address: str, *questions: Question) -> None:
    """``address`` must be gone from every answer before the deadline, and must not come back."""
    for question in questions:
        for lane, row in _lanes(judge, change, question, change.after[question]).items():
            if row[-1].problem is not None:
                _condemn(judge, "is not answered", row[-1], change.after[question], f"last answer of {lane.server}")
            late = [answer for answer in timeline.sightings(row, address) if answer.sent > change.deadline]
            back = timeline.returns(row, address)
            if late or back:
                what = f"answers {address} again after it was gone" if back else f"still answers {address}"
                _condemn(judge, what, (back or late)[0], change.after[question], f"answer of {lane.server}")


def insist_unbroken(judge: Judge, change: Change, expected: Expectations) -> None:
    """Every single answer must be right, from before the change until after it."""
    for question, must in expected.items():
        for lane, row in _lanes(judge, change, question, must).items():
            # The first answers may precede what DNS had to learn; a server that was never right has no such excuse.
            first_right = next((at for at, one in enumerate(row) if not timeline.deviations([one], must)), 0)
            wrong = timeline.deviations(row[first_right:], must)
            if wrong:
                when = wrong[0].sent - change.settled_at
                where = f"{len(wrong)} of {len(row)} answers of {lane.server}, the first {when:+.1f} s from the change"
                _condemn(judge, "did not keep its answer", wrong[0], must, where)


def _lanes(judge: Judge, change: Change, question: Question, expected: Expected) -> dict[timeline.Lane, list[Answer]]:
    rows = timeline.lanes(timeline.of(change.answers, question))
    if not rows:
        raise ValueError(f"{question} was not watched")
    for row in rows.values():
        judge.evidence.timeline += timeline.as_data(row)
        judge.evidence.add(row[-1], str(expected))
    return rows


def _condemn(judge: Judge, what: str, answer: Answer, expected: Expected, where: str) -> None:
    judge.condemn(
        f"{judge.short(answer.question.name)} {what}",
        f"asked     {answer.question} → {answer.server}/{answer.transport} from {judge.vantage.name}",
        f"expected  {expected}",
        f"got       {answer.said()}   ({where})",
    )


def _hold(answers: list[Answer], expectations: Expectations, seconds: float) -> bool:
    return all(timeline.holds(timeline.of(answers, one), must, seconds) for one, must in expectations.items())


def _longest_ttl(answers: list[Answer]) -> int:
    announced = [record.ttl for answer in answers for record in answer.records]
    return max(announced + [answer.negative_ttl or 0 for answer in answers], default=0)
