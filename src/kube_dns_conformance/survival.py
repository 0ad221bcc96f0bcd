"""What is promised while things change, judged by what was watched: what follows, what goes, what never blinks."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from kube_dns_conformance import outages, timeline
from kube_dns_conformance.change import Change
from kube_dns_conformance.dns.compare import Expected, at_least
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.judge import Expectations, Judge
from kube_dns_conformance.text import clock, in_order

ADDRESSES_SHOWN = 16
"""Of those that have to go."""
HEARD_SECONDS = 1.0
"""So much earlier DNS may have heard of a change than we."""


def insist_followed(judge: Judge, change: Change, questions: Iterable[Question]) -> None:
    """Every server's answer must have become right before the deadline, and must have stayed so.

    Until then it may be what was right at any moment meanwhile, or nothing, but no stranger's address.
    """
    _require(judge, change, "right by the deadline and from then on; before it no address that was never right")
    for question in questions:
        expected = change.after[question]
        known = {text for _, must in change.truths[question].said for text in must.mentioned}
        for lane, row in _watched(judge, change, question).items():
            strange = [one for one in _since(row, change.began) if _strangers(one, known)]
            if strange:
                what = f"answers {_strangers(strange[0], known)[0]}, which was never right"
                _condemn(judge, change, what, strange, expected, f"answer of {lane.server}")
            since = timeline.settles(row, expected)
            wrong = timeline.deviations(row, expected)
            if since is None and row[-1].sent <= change.deadline:
                raise ClusterError(f"{question} at {lane.server}/{lane.transport} was not asked often enough")
            if late := [one for one in wrong if one.sent > change.deadline]:
                how = "did not follow" if since is None else f"was {since - change.deadline:.1f} s late to follow"
                where = f"answer of {lane.server}; {_granted(change)}"
                _condemn(judge, change, f"{how} the change", late, expected, where)


def _strangers(answer: Answer, known: set[str]) -> list[str]:
    """What it says of its own name that was never right; what an alias leads to has another name."""
    if answer.records.values <= known:
        return []
    own = (one for one in answer.records if one.name == answer.question.name.lower())
    return sorted({one.value for one in own} - known)


def insist_gone(judge: Judge, change: Change) -> None:
    """What the change took away must be gone from every answer before the deadline, and must not come back."""
    gone = _values(change.before) - _values(change.after)
    if not gone:
        raise ValueError("nothing was taken away: that would pass without being judged")
    some = in_order(gone)[:ADDRESSES_SHOWN]
    which = " ".join([*some, *([f"and {len(gone) - len(some)} more"] if len(gone) > len(some) else [])])
    _require(judge, change, f"no {which} after the deadline, nor again once it was gone")
    for question in change.after:
        for lane, row in _watched(judge, change, question).items():
            if not row[-1].decisive:
                said = "is not answered" if row[-1].problem else f"is answered with {row[-1].rcode}"
                _condemn(judge, change, said, row[-1:], change.after[question], f"last answer of {lane.server}")
            seen = _since(row, change.began)
            holding = timeline.sightings(seen)
            in_time = bisect_right(seen, change.deadline, key=lambda one: one.sent)
            for address in sorted(gone & holding.keys()):
                late = [seen[at] for some in holding[address] for at in some[max(0, in_time - some.start) :]]
                # Behind one address there may be several servers, and until the deadline one of them may be behind.
                back = timeline.returns(seen, holding[address]) if row[-1].server.single else []
                if late or back:
                    what = f"answers {address} again after it was gone" if back else f"still answers {address}"
                    where = f"answer of {lane.server}" + ("" if back else f"; {_granted(change)}")
                    _condemn(judge, change, what, back or late, change.after[question], where)


def insist_unbroken(judge: Judge, change: Change) -> None:
    """What is true before and after the change must be in every single answer, from the first to the last."""
    judged = False
    _require(judge, change, "what is true before and after is in every single answer")
    for question, before in change.before.items():
        must = _unchanged(before, change.after[question])
        if must is None:
            continue
        if any(not must.values <= one.values for _, one in change.truths[question].said):
            # A sibling that was not ready for a moment: DNS was right to leave it out.
            raise ClusterError(f"{question}: what had to stay was not there all the time")
        judged = True
        for lane, row in _watched(judge, change, question).items():
            # The first answers may precede what DNS had to learn; it had the time for that before the change.
            learned = _first_came(one for one in row if not timeline.deviations([one], must))
            wrong = timeline.deviations((one for one in row if one.sent >= learned or learned > change.began), must)
            if wrong:
                where = f"{len(wrong)} of {len(row)} answers of {lane.server}"
                _condemn(judge, change, "did not keep its answer", wrong, must, where)
    if not judged:
        raise ValueError("everything changed: that would pass without being judged")


def insist_never_denied(judge: Judge, change: Change, questions: Iterable[Question]) -> None:
    """While there is a record to answer, nobody may be denied, nor answered without one.

    Where there was none for a moment, DNS is granted its time to say so, and to say that there is one again.
    """
    _require(judge, change, "no answer without a record while there is one; an old one is allowed here")
    for question in questions:
        for lane, row in _watched(judge, change, question).items():
            learned = _first_came(one for one in row if one.records)
            after = (one for one in row if one.sent >= learned or learned == math.inf)
            without_one = [one for one in after if one.decisive and not one.records]
            denied = [one for one in without_one if not _may_be_empty(change, question, one)]
            if denied:
                where = f"{len(denied)} of {len(row)} answers of {lane.server}"
                _condemn(judge, change, "was denied while it changed", denied, change.after[question], where)


def _may_be_empty(change: Change, question: Question, answer: Answer) -> bool:
    granted = change.deadline - change.settled_at
    said = change.truths[question].said
    until = [moment for moment, _ in said[1:]] + [math.inf]
    return any(
        not must.mentioned and since - HEARD_SECONDS <= answer.came and answer.sent <= end + granted
        for (since, must), end in zip(said, until, strict=True)
    )


def insist_no_lie(judge: Judge, change: Change) -> None:
    """Whoever answers must answer what is true; silence, SERVFAIL and REFUSED are no lies."""
    _require(judge, change, "every answer is true; silence, SERVFAIL and REFUSED are no answers")
    for question, must in change.after.items():
        if change.before[question] != must:
            raise ClusterError(f"{question}: its objects changed on their own while DNS was interrupted")
        for lane, row in _watched(judge, change, question).items():
            wrong = [one for one in timeline.deviations(_since(row, change.began), must) if one.decisive]
            if wrong:
                where = f"{len(wrong)} of {len(row)} answers of {lane.server}"
                _condemn(judge, change, "is answered with what is not true", wrong, must, where)


def insist_served(judge: Judge, change: Change, within: float) -> None:
    """Nobody may have waited for a right answer longer than ``within`` seconds at a stretch."""
    _require(judge, change, f"never longer than {within:g} s without a right answer")
    for question, must in change.after.items():
        for lane, row in _watched(judge, change, question).items():
            seconds = outages.longest(outages.outages(row, change.truths[question]))
            if seconds > within:
                wrong = timeline.deviations(row, must)
                where = f"{len(wrong)} of {len(row)} answers of {lane.server}"
                _condemn(judge, change, f"was not answered rightly for {seconds:.1f} s", wrong, must, where)


def insist_agreement(judge: Judge, change: Change, questions: Iterable[Question]) -> None:
    """In the end every server must say the same over every transport, and nothing else any more."""
    _require(judge, change, f"in the last {change.hold:g} s every server says the same over every transport")
    for question in questions:
        rows = _watched(judge, change, question)
        end = max(row[-1].sent for row in rows.values()) - change.hold
        last = [answer for row in rows.values() for answer in row if answer.sent >= end or answer is row[-1]]
        first = last[0]
        other = next((one for one in last if _said(one) != _said(first)), None)
        if other is not None:
            names = dict.fromkeys(map(_asker, (first, other)))
            what = f"is answered differently by {' and '.join(names)}"
            where = f"{other.server.name}; {first.server.name} said {first.said()}"
            _condemn(judge, change, what, [other], change.after[question], where)


def _unchanged(before: Expected, after: Expected) -> Expected | None:
    """What both promise; None when they have nothing in common."""
    if before == after:
        return before
    same = before.values & after.values
    return at_least(same) if same else None


def _values(expectations: Expectations) -> set[str]:
    return {one for must in expectations.values() for one in must.mentioned}


def _first_came(answers: Iterable[Answer]) -> float:
    """When the first of these came, or never: of two questions on their way at the same time the later may be first."""
    return min((one.came for one in answers), default=math.inf)


def _since(row: list[Answer], moment: float) -> list[Answer]:
    """The answers from ``moment`` on, and the last one before it."""
    before = sum(answer.sent < moment for answer in row)
    return row[max(0, before - 1) :]


def _said(answer: Answer) -> tuple[object, ...]:
    return answer.rcode, answer.problem, answer.records.rdata


def _watched(judge: Judge, change: Change, question: Question) -> dict[timeline.Lane, list[Answer]]:
    """What was seen of one question, by lane; all of it becomes evidence."""
    rows = change.rows.get(question)
    if not rows:
        raise ValueError(f"{question} was not watched")
    watched = judge.evidence.of_change(change.began, change.as_data)
    for lane, row in rows.items():
        if lane not in watched.lanes:
            watched.add(lane, row, change.truths[question], change.gap)
            judge.evidence.add(row[-1], change.after[question])
    return rows


def _granted(change: Change) -> str:
    return f"DNS may take {round(change.deadline - change.settled_at, 1):g} s to follow"


def _when(change: Change, first: float, last: float) -> str:
    (after, what), (until, what_then) = (_since_what(change, moment) for moment in (first, last))
    if first == last:
        return f"{clock(first)}, {after:.2f} s {what}"
    since = f"{after:.2f} s" + ("" if what == what_then else f" {what}")
    return f"{clock(first)} to {clock(last)}, {since} to {until:.2f} s {what_then}"


def _since_what(change: Change, moment: float) -> tuple[float, str]:
    if moment < change.began:
        return change.began - moment, "before the change began"
    if moment < change.settled_at:
        return moment - change.began, "after the change began"
    return moment - change.settled_at, "after the objects settled"


def _asker(answer: Answer) -> str:
    return f"{answer.server.name}/{answer.transport}{answer.vantage and f' from {answer.vantage}'}"


def _from(judge: Judge, answer: Answer) -> str:
    return f"node {answer.vantage}" if answer.vantage else judge.vantage.name


def _require(judge: Judge, change: Change, rule: str) -> None:
    judge.evidence.of_change(change.began, change.as_data).require(rule)


def _condemn(judge: Judge, change: Change, what: str, wrong: Sequence[Answer], expected: Expected, where: str) -> None:
    """``wrong`` is every answer that is meant, and the first is shown."""
    answer, last = wrong[0], wrong[-1].sent
    judge.evidence.wrong = (answer.sent, last)
    asked = change.rows[answer.question][timeline.Lane.of(answer)]
    to_the_end = ", when it was asked last" if last == asked[-1].sent else ""
    judge.condemn(
        f"{judge.short(answer.question.name)} {what}",
        f"asked     {answer.question} → {answer.server}/{answer.transport} ({answer.server.name})"
        f" from {_from(judge, answer)}",
        f"when      {_when(change, answer.sent, last)}{to_the_end}",
        f"expected  {expected}",
        f"got       {answer.said()}   ({where})",
    )
