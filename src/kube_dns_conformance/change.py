"""Changes something while DNS is watched: what every server said meanwhile, and what the objects did."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from kube_dns_conformance import timeline
from kube_dns_conformance.clock import now
from kube_dns_conformance.clusters import embedded
from kube_dns_conformance.dns.compare import at_least
from kube_dns_conformance.dns.model import Answer, Question, Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.events import Event
from kube_dns_conformance.focus import Focus
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.outages import Truth
from kube_dns_conformance.run import Run
from kube_dns_conformance.situations import Situation
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.watch import WAYS, Observer, Reading, Watch

MOST_SLOTS = 4
"""So many slots between two questions count as watched."""

MOST_A_SECOND = 1000
"""So many questions are asked from one place: where there are more in a slot, slots are longer."""

TRUE_OF = {"Service", "EndpointSlice", "Pod"}
"""The kinds of objects that expectations are made of."""


@dataclass(frozen=True)
class Piecewise:
    """Expectations of so many names that they are not all looked at after each event: ``of`` has what it can change.

    Those in ``order`` change in this order, and are watched more closely when their turn comes; those in ``often``
    change with each of them, and are all the time.
    """

    whole: Callable[[], Expectations]
    of: Callable[[Event], Expectations]
    order: Sequence[Question] = ()
    often: Sequence[Question] = ()

    def __call__(self) -> Expectations:
        """All of them."""
        return self.whole()


class Telling:
    """What the objects say of each question, kept up to date: of what stays true nothing is kept again."""

    def __init__(self, before: Expectations, since: float) -> None:
        """``since`` is in epoch seconds."""
        self._said = {question: [(since, must)] for question, must in before.items()}

    def hear(self, state: Expectations, at: float) -> list[Question]:
        """What they say from then on (epoch seconds); the questions of which they say something else than before."""
        changed = [question for question, must in state.items() if self._said[question][-1][1] != must]
        for question in changed:
            self._said[question].append((at, state[question]))
        return changed

    def truths(self) -> dict[Question, Truth]:
        """All of it."""
        return {question: Truth(tuple(said)) for question, said in self._said.items()}


@dataclass(frozen=True)
class Change:
    """What was seen from before a change until the right answers held, or had no time left. Times in epoch seconds.

    ``truths`` is everything that the objects said of each question, and when that was heard: first what was true
    before the change, last what is true since. ``began`` is just before the change, ``settled_at`` when the objects
    were as they shall be. ``deadline`` is when DNS has no excuse left: then, plus ``propagation`` (the propagation
    budget and what was granted beyond it, in seconds), plus the TTL that the server announced. After the answers
    became right DNS was watched for ``hold`` seconds more; when they did not in time, until they did, or for
    `Timings.late`.
    """

    answers: list[Answer]
    truths: dict[Question, Truth]
    began: float
    settled_at: float
    deadline: float
    hold: float
    propagation: float = 0.0
    events: Sequence[Event] = ()
    observers: tuple[Observer, ...] = ()

    @cached_property
    def before(self) -> Expectations:
        """What was true before the change."""
        return {question: truth.said[0][1] for question, truth in self.truths.items()}

    @cached_property
    def after(self) -> Expectations:
        """What is true since."""
        return {question: truth.said[-1][1] for question, truth in self.truths.items()}

    @property
    def gap(self) -> float:
        """Between two questions further apart than this (seconds) nobody asked."""
        return timeline.gap_of(max((one.slot for one in self.observers), default=math.inf))

    @cached_property
    def rows(self) -> dict[Question, dict[timeline.Lane, list[Answer]]]:
        """The answers to each question by lane, each in the order of asking."""
        found: dict[Question, dict[timeline.Lane, list[Answer]]] = {}
        for lane, row in timeline.lanes(self.answers).items():
            found.setdefault(lane.question, {})[lane] = row
        return found

    def as_data(self) -> dict[str, Any]:
        """What a timeline is read against, for ``results.jsonl``."""
        return {
            "began": round(self.began, 3),
            "settled": round(self.settled_at, 3),
            "deadline": round(self.deadline, 3),
            "propagation": self.propagation,
            "events": [one.as_data() for one in self.events],
            "observers": [one.as_data() for one in self.observers],
        }


def observe(
    run: Run,
    situation: Situation,
    expect: Callable[[], Expectations],
    change: Callable[[], None],
    settle: Callable[[], None] | None = None,
    servers: Collection[Server] | None = None,
    granted: float = 0.0,
) -> Change:
    """Watch the names of ``expect`` while ``change`` happens, which returns when the objects have begun to change.

    ``settle`` waits until they are as they shall be; by default until all that the manifest asks for is ready.
    ``servers`` are watched, by default all that the cluster has. ``granted`` is seconds beyond the propagation
    budget. ``expect`` must always know the same questions. Raises ClusterError, which makes a verdict *unknown*, when
    the objects change on their own as well: DNS would be blamed for what the cluster did.
    """
    timings = replace(run.timings, propagation=run.timings.propagation + granted)
    before, events = expect(), list[Event]()
    pieces = expect if isinstance(expect, Piecewise) else Piecewise(expect, lambda _: expect())
    told = Telling(before, now())

    def note(event: Event) -> None:
        if event.namespace != situation.namespace:
            return
        events.append(event)
        if event.kind in TRUE_OF:
            with suppress(ClusterError):  # half-way through a change there may be nothing to expect
                focus.hear(told.hear(pieces.of(event), event.at))

    if pieces.often:
        embedded.make_way(run.cluster)
    watched = run.cluster.dns if servers is None else servers
    slot = max(timings.slot, len(before) * len(watched) * len(WAYS) / MOST_A_SECOND)
    places = run.vantage.places()
    focus = Focus(pieces.order, lambda some: Watch(places, watched, some, timings.slot))
    often = Watch(places, watched, pieces.often, timings.slot)
    with (
        Watch(places, watched, list(before), slot) as watch,
        often,
        Reading([watch, often] if pieces.often else []),
        focus,
        situation.mirror.listening(note),
    ):
        # Only what was right before can be seen to break.
        watch.wait(_until_right(watch, before), now() + timings.propagation)
        _insist_unchanged(situation, expect, before)
        began = now()
        change()
        changed = now()  # where no object changes, this is all there is
        (settle or situation.wait_settled)()
        after, settled_at, hold = expect(), max(changed, situation.settled_at), timings.hold

        # What held before the change says nothing about afterwards.
        holding = timeline.Holding(after, settled_at, MOST_SLOTS * slot)

        def is_over(new: Sequence[Answer]) -> bool:
            holding.add(new)
            if holding.lasts(watch.lanes, hold):
                return True
            if now() <= settled_at + timings.propagation + hold + timings.late:
                return False
            deadline = _deadline(watch.answers(), settled_at, timings)
            # This process or a server may be slow: what was not asked when its time was up says nothing yet.
            asked = all(holding.last_asked(lane) > deadline for lane in watch.lanes)
            return asked and now() > deadline + hold + timings.late

        budgets = timings.propagation + timings.cache + hold + timings.late
        watch.wait(is_over, settled_at + budgets + timings.settle)
    _insist_unchanged(situation, expect, after)
    answers = watch.answers() + often.answers()
    told.hear(after, settled_at)
    deadline, budget = _deadline(answers, settled_at, timings), timings.propagation
    seen, observers = answers + focus.answers(), watch.observers + often.observers + focus.observers
    return Change(seen, told.truths(), began, settled_at, deadline, hold, budget, events, observers)


def without(change: Change, questions: Iterable[Question]) -> Change:
    """The same change, with nothing said of the addresses that these questions are answered with."""
    gone = {text for one in questions for text in change.before[one].values}

    def rest(truth: Truth) -> Truth:
        return Truth(
            tuple(
                (since, must if must.values.isdisjoint(gone) else at_least(must.values - gone))
                for since, must in truth.said
                if must.values - gone
            )
        )

    rests = {question: rest(truth) for question, truth in change.truths.items()}
    return replace(change, truths={question: truth for question, truth in rests.items() if truth.said})


def at(change: Change, *servers: Server) -> Change:
    """The same change, as it was seen at these servers alone."""
    names = {one.name for one in servers}
    return replace(change, answers=[one for one in change.answers if one.server.name in names])


def _deadline(answers: list[Answer], settled_at: float, timings: Timings) -> float:
    """When DNS has no excuse left: a cache may keep what it announced before the propagation budget was used up."""
    budget = settled_at + timings.propagation
    announced = [answer.records.ttl for answer in answers if answer.sent <= budget]
    announced += [answer.negative_ttl or 0 for answer in answers if answer.sent <= budget]
    return budget + min(max(announced, default=0), timings.cache)


def _insist_unchanged(situation: Situation, expect: Callable[[], Expectations], known: Expectations) -> None:
    if situation.confirm():
        raise ClusterError(f"situation {situation.name}: its EndpointSlices were behind while DNS was watched")
    seen = expect()
    changed = [f"{one} was {must}, and is {seen[one]}" for one, must in known.items() if seen[one] != must]
    if changed:
        what = "its objects changed on their own while DNS was watched"
        raise ClusterError(f"situation {situation.name}: {what}: {changed[0]}")


def _until_right(watch: Watch, expectations: Expectations) -> Callable[[Sequence[Answer]], bool]:
    """Whether every server that is watched was right when it was asked last, over every transport."""
    holding = timeline.Holding(expectations)

    def is_right(new: Sequence[Answer]) -> bool:
        holding.add(new)
        return holding.lasts(watch.lanes, 0.0)

    return is_right
