"""Changes something while DNS is watched, and judges what was seen: what follows, what goes, what never blinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from kube_dns_conformance import timeline
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.compare import Expected, at_least, value
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.judge import Expectations, Judge
from kube_dns_conformance.run import Run
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.watch import Watch


@dataclass(frozen=True)
class Change:
    """What was seen from before a change until the right answers held, or had no time left. Times in epoch seconds.

    ``began`` is just before the change, ``settled_at`` when the objects were as they shall be. ``deadline`` is when
    DNS has no excuse left: then, plus the propagation budget, plus the TTL that the server announced. After it, or
    after the answers became right, DNS was watched for ``hold`` seconds more. ``between`` is everything else that the
    objects said in the meantime.
    """

    answers: list[Answer]
    before: Expectations
    between: list[Expectations]
    after: Expectations
    began: float
    settled_at: float
    deadline: float
    hold: float


def observe(
    run: Run,
    situation: Situation,
    expect: Callable[[], Expectations],
    change: Callable[[], None],
    settle: Callable[[], None] | None = None,
) -> Change:
    """Watch the names of ``expect`` while ``change`` happens, which returns when the objects have begun to change.

    ``settle`` waits until they are as they shall be; by default until all that the manifest asks for is ready.
    ``expect`` must always know the same questions. Raises ClusterError, which makes a verdict *unknown*, when the
    objects change on their own as well: DNS would be blamed for what the cluster did.
    """
    before, seen = expect(), list[Expectations]()

    def note() -> None:
        with suppress(ClusterError):  # half-way through a change there may be nothing to expect
            if (state := expect()) not in seen:
                seen.append(state)

    watching = Watch(run.vantage, run.cluster.dns, list(before), run.timings.slot)
    with watching as watch, situation.mirror.listening(note):
        # Only what was right before can be seen to break.
        watch.wait(_until_right(watch, before), now() + run.timings.propagation)
        _insist_unchanged(situation, expect, before)
        began = now()
        change()
        (settle or situation.wait_settled)()
        after, settled_at, hold = expect(), situation.settled_at, run.timings.hold

        # What held before the change says nothing about afterwards.
        holding = timeline.Holding(after, settled_at)

        def is_over(new: Sequence[Answer]) -> bool:
            holding.add(new)
            if holding.lasts(watch.lanes, hold):
                return True
            if now() <= settled_at + run.timings.propagation + hold:
                return False
            deadline = _deadline(watch.answers(), settled_at, run.timings)
            # This process or a server may be slow: what was not asked when its time was up says nothing yet.
            return now() > deadline + hold and all(holding.last_asked(lane) > deadline for lane in watch.lanes)

        budgets = run.timings.propagation + run.timings.cache + hold
        watch.wait(is_over, settled_at + budgets + run.timings.settle)
    _insist_unchanged(situation, expect, after)
    answers = watch.answers()
    deadline = _deadline(answers, settled_at, run.timings)
    between = [one for one in seen if one not in (before, after)]
    return Change(answers, before, between, after, began, settled_at, deadline, hold)


def _deadline(answers: list[Answer], settled_at: float, timings: Timings) -> float:
    """When DNS has no excuse left: a cache may keep what it announced before the propagation budget was used up."""
    budget = settled_at + timings.propagation
    announced = [record.ttl for answer in answers if answer.sent <= budget for record in answer.records]
    announced += [answer.negative_ttl or 0 for answer in answers if answer.sent <= budget]
    return budget + min(max(announced, default=0), timings.cache)


def insist_followed(judge: Judge, change: Change, questions: Iterable[Question]) -> None:
    """Every server's answer must have become right before the deadline, and must have stayed so.

    Until then it may be what was right at any moment meanwhile, or nothing, but no stranger's address.
    """
    for question in questions:
        expected = change.after[question]
        known = {text for one in _states(change) if question in one for text in one[question].values}
        for lane, row in _watched(judge, change, question).items():
            for answer in _since(row, change.began):
                if strangers := sorted({value(record) for record in answer.records} - known):
                    what = f"answers {strangers[0]}, which was never right"
                    _condemn(judge, what, answer, expected, f"answer of {lane.server}")
            since = timeline.settles(row, expected)
            wrong = timeline.deviations(row, expected)
            if since is None and row[-1].sent <= change.deadline:
                raise ClusterError(f"{question} at {lane.server}/{lane.transport} was not asked often enough")
            if wrong and wrong[-1].sent > change.deadline:
                late = "did not follow" if since is None else f"was {since - change.deadline:.1f} s late to follow"
                _condemn(judge, f"{late} the change", wrong[-1], expected, f"last wrong answer of {lane.server}")


def insist_gone(judge: Judge, change: Change) -> None:
    """What the change took away must be gone from every answer before the deadline, and must not come back."""
    gone = _values(change.before) - _values(change.after)
    if not gone:
        raise ValueError("nothing was taken away: that would pass without being judged")
    for question in change.after:
        for lane, row in _watched(judge, change, question).items():
            if not row[-1].decisive:
                said = "is not answered" if row[-1].problem else f"is answered with {row[-1].rcode}"
                _condemn(judge, said, row[-1], change.after[question], f"last answer of {lane.server}")
            for address in sorted(gone):
                late = [answer for answer in timeline.sightings(row, address) if answer.sent > change.deadline]
                # Behind one address there may be several servers, and until the deadline one of them may be behind.
                single = row[-1].server.single
                back = timeline.returns(_since(row, change.began), address) if single else []
                if late or back:
                    what = f"answers {address} again after it was gone" if back else f"still answers {address}"
                    _condemn(judge, what, (back or late)[0], change.after[question], f"answer of {lane.server}")


def insist_unbroken(judge: Judge, change: Change) -> None:
    """What is true before and after the change must be in every single answer, from the first to the last."""
    judged = False
    for question, before in change.before.items():
        must = _unchanged(before, change.after[question])
        if must is None:
            continue
        if any(not must.values <= one[question].values for one in change.between if question in one):
            # A sibling that was not ready for a moment: DNS was right to leave it out.
            raise ClusterError(f"{question}: what had to stay was not there all the time")
        judged = True
        for lane, row in _watched(judge, change, question).items():
            # The first answers may precede what DNS had to learn; it had the time for that before the change.
            first_right = next((at for at, one in enumerate(row) if not timeline.deviations([one], must)), 0)
            start = first_right if row[first_right].sent < change.began else 0
            wrong = timeline.deviations(row[start:], must)
            if wrong:
                when = wrong[0].sent - change.settled_at
                where = f"{len(wrong)} of {len(row)} answers of {lane.server}, the first {when:+.1f} s from the change"
                _condemn(judge, "did not keep its answer", wrong[0], must, where)
    if not judged:
        raise ValueError("everything changed: that would pass without being judged")


def insist_agreement(judge: Judge, change: Change, questions: Iterable[Question]) -> None:
    """In the end every server must say the same over every transport, and nothing else any more."""
    for question in questions:
        rows = _watched(judge, change, question)
        end = max(row[-1].sent for row in rows.values()) - change.hold
        last = [answer for row in rows.values() for answer in row if answer.sent >= end or answer is row[-1]]
        first = last[0]
        other = next((one for one in last if _said(one) != _said(first)), None)
        if other is not None:
            names = dict.fromkeys(f"{one.server.name}/{one.transport}" for one in (first, other))
            what = f"is answered differently by {' and '.join(names)}"
            where = f"{other.server.name}; {first.server.name} said {first.said()}"
            _condemn(judge, what, other, change.after[question], where)


def without(change: Change, questions: Iterable[Question]) -> Change:
    """The same change, with nothing said of the addresses that these questions are answered with."""
    gone = {text for one in questions for text in change.before[one].values}

    def rest(known: Expectations) -> Expectations:
        return {
            question: must if must.values.isdisjoint(gone) else at_least(must.values - gone)
            for question, must in known.items()
            if must.values - gone
        }

    between = [rest(one) for one in change.between]
    return replace(change, before=rest(change.before), between=between, after=rest(change.after))


def _insist_unchanged(situation: Situation, expect: Callable[[], Expectations], known: Expectations) -> None:
    if situation.confirm():
        raise ClusterError(f"situation {situation.name}: its EndpointSlices were behind while DNS was watched")
    seen = expect()
    changed = [f"{one} was {must}, and is {seen[one]}" for one, must in known.items() if seen[one] != must]
    if changed:
        what = "its objects changed on their own while DNS was watched"
        raise ClusterError(f"situation {situation.name}: {what}: {changed[0]}")


def _unchanged(before: Expected, after: Expected) -> Expected | None:
    """What both promise; None when they have nothing in common."""
    if before == after:
        return before
    same = before.values & after.values
    return at_least(same) if same else None


def _states(change: Change) -> list[Expectations]:
    """Everything that the objects said, from before the change until after it."""
    return [change.before, *change.between, change.after]


def _values(expectations: Expectations) -> set[str]:
    return {one for must in expectations.values() for one in must.values}


def _since(row: list[Answer], moment: float) -> list[Answer]:
    """The answers from ``moment`` on, and the last one before it."""
    before = sum(answer.sent < moment for answer in row)
    return row[max(0, before - 1) :]


def _said(answer: Answer) -> tuple[object, ...]:
    return answer.rcode, answer.problem, tuple(sorted(record.rdata for record in answer.records))


def _watched(judge: Judge, change: Change, question: Question) -> dict[timeline.Lane, list[Answer]]:
    rows = timeline.lanes(timeline.of(change.answers, question))
    if not rows:
        raise ValueError(f"{question} was not watched")
    for row in rows.values():
        judge.evidence.timeline += timeline.as_data(row)
        judge.evidence.add(row[-1], str(change.after[question]))
    return rows


def _condemn(judge: Judge, what: str, answer: Answer, expected: Expected, where: str) -> None:
    judge.condemn(
        f"{judge.short(answer.question.name)} {what}",
        f"asked     {answer.question} → {answer.server}/{answer.transport} from {judge.vantage.name}",
        f"expected  {expected}",
        f"got       {answer.said()}   ({where})",
    )


def _until_right(watch: Watch, expectations: Expectations) -> Callable[[Sequence[Answer]], bool]:
    """Whether every server that is watched was right when it was asked last, over every transport."""
    holding = timeline.Holding(expectations)

    def is_right(new: Sequence[Answer]) -> bool:
        holding.add(new)
        return holding.lasts(watch.lanes, 0.0)

    return is_right
