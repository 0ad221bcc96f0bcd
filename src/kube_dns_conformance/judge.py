"""Makes verdicts: asks until what came back agrees with what must be there, or until DNS has no excuse left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kube_dns_conformance import timeline
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.compare import (
    Difference,
    Expected,
    difference,
    exactly,
    no_data,
    no_such_name,
)
from kube_dns_conformance.dns.model import Answer, Question, Server, Transport, repeat_command
from kube_dns_conformance.evidence import Evidence
from kube_dns_conformance.requirements import Requirement
from kube_dns_conformance.rounds import Rounds
from kube_dns_conformance.text import in_order
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import Vantage, ask_whole

Expectations = dict[Question, Expected]
ROUND_PAUSE_SECONDS = 0.25
RECORDS_SHOWN = 12
"""Of longer answers a failure shows how many records there are, and those that differ; the evidence has all."""
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp")


class Nonconformant(AssertionError):
    """DNS said something untrue. The first line of the text is complete in itself."""


@dataclass(frozen=True)
class Mismatch:
    """One answer that is not what must be there."""

    answer: Answer
    expected: Expected
    difference: Difference


class Judge:
    """Judges one requirement from one vantage on every DNS server."""

    def __init__(
        self,
        requirement: Requirement,
        vantage: Vantage,
        servers: Iterable[Server],
        timings: Timings,
        zone: str,
        confirm: Callable[[float], bool],
    ) -> None:
        """``confirm`` makes sure that what expectations are made of is what the API server has, or had so long ago.

        It says whether that had to be waited for, so that DNS is granted its time again; raises ClusterError.
        """
        self.requirement = requirement
        self.vantage = vantage
        self.servers = tuple(servers)
        self.timings = timings
        self.zone = zone
        self.evidence = Evidence()
        self._recorded = 0
        self._confirm = confirm

    def insist(
        self,
        expect: Callable[[], Expectations],
        *,
        settled_at: float,
        transports: tuple[Transport, ...] = TRANSPORTS,
        follow_truncated: bool = True,
    ) -> list[Answer]:
        """Ask every server every question until all agree, several rounds in a row; returns the last round's answers.

        ``expect`` is called before and after every round, so that objects which change meanwhile change what is
        expected and DNS is granted its time again; raises ClusterError when they do not stop changing.
        ``settled_at`` (epoch seconds) is when the objects last changed: DNS is granted the propagation budget from then
        on, plus the TTL it announced for what it said, because a cache may have kept that. After that every wrong
        answer counts, and `Nonconformant` is raised once it was wrong in `Timings.stable` rounds. Neither verdict is
        given before the API server has confirmed the objects, see `confirm`. ``follow_truncated``: what is truncated
        over UDP is asked again over TCP, as resolvers do.
        """
        return self._until_certain(expect, self._compare, settled_at, transports, follow_truncated=follow_truncated)

    def see_before(self, expect: Callable[[], Expectations]) -> None:
        """Ask every server every question before a change, until it is right: what was never seen cannot be seen to go.

        Gives no verdict: a server that is not right within the propagation budget is left to other requirements. What
        a server or a cache behind it remembers of this must not come back after the change.
        """
        deadline = now() + self.timings.propagation
        while True:
            expected = expect()
            answers = self._ask(expected, TRANSPORTS, follow_truncated=True)
            wrong = [one for one in answers if difference(expected[one.question], one)]
            if not wrong or now() > deadline:
                break
            time.sleep(ROUND_PAUSE_SECONDS)
        self.evidence.before += timeline.as_data(answers)

    def insist_alike(self, expect: Callable[[], Expectations], *, settled_at: float) -> None:
        """Ask every server every question until all say the same, several rounds in a row, and no worse than expected.

        What is left to a server, as more records than must be there, every server must do in the same way.
        """

        def compare(expectations: Expectations, answers: list[Answer]) -> list[Mismatch]:
            return self._compare(expectations, answers) or self._compare(_as_the_first(answers), answers)

        self._until_certain(expect, compare, settled_at, TRANSPORTS, follow_truncated=True)

    def _until_certain(
        self,
        expect: Callable[[], Expectations],
        compare: Callable[[Expectations, list[Answer]], list[Mismatch]],
        settled_at: float,
        transports: tuple[Transport, ...],
        *,
        follow_truncated: bool,
    ) -> list[Answer]:
        rounds = Rounds(self.timings, settled_at)
        self._recorded = len(self.evidence.checks)
        expected = expect()
        answers: list[Answer] = []
        while not rounds.right_for_good:
            asked_at = now()
            answers = self._ask(expected, transports, follow_truncated=follow_truncated)
            wrong = compare(expected, answers)
            rounds.add([_what(one) for one in wrong], announced_ttl(wrong), asked_at)
            waited = self.confirm(rounds)
            before, expected = expected, expect()
            if waited or expected != before:
                rounds.begin_anew()
            elif rounds.without_excuse:
                self.evidence.wrong = rounds.wrong
                raise Nonconformant(self._text(wrong, rounds))
            elif rounds.troubled:
                time.sleep(ROUND_PAUSE_SECONDS)
        return answers

    def confirm(self, rounds: Rounds) -> bool:
        """Have the API server confirm the objects, should these rounds be enough for a verdict. Whether it took time.

        Wrong is what is so by what it has now. Right is also what was right by what it had a moment ago: so long DNS
        has to follow.
        """
        if rounds.without_excuse:
            return self._confirm(0.0)
        return self._confirm(self.timings.propagation) if rounds.right_for_good else False

    def condemn(self, summary: str, *details: str) -> None:
        """Raise `Nonconformant` with a summary of our own, for what a timeline shows."""
        raise Nonconformant("\n".join([f"{self._head()}: {summary}", *(f"  {detail}" for detail in details)]))

    def inform(self, text: str) -> None:
        """Record, in one line, in what this server differs from others without being wrong."""
        if text not in self.evidence.information:
            self.evidence.information.append(text)

    def short(self, name: str) -> str:
        """A name without ``.svc.<zone>.``, as people say it."""
        return name.removesuffix(f".svc.{self.zone}.")

    def _ask(
        self, questions: Iterable[Question], transports: tuple[Transport, ...], *, follow_truncated: bool
    ) -> list[Answer]:
        asks = [(question, server, how) for question in questions for server in self.servers for how in transports]
        if not asks:
            raise ValueError("nothing to ask: that would pass without being judged")
        return ask_whole(self.vantage, asks) if follow_truncated else self.vantage.ask(asks)

    def _compare(self, expectations: Expectations, answers: Iterable[Answer]) -> list[Mismatch]:
        checked = [
            Mismatch(answer, must, difference(must, answer))
            for answer in answers
            for must in [expectations[answer.question]]
        ]
        self._record(checked)
        return [one for one in checked if one.difference]

    def _record(self, checked: list[Mismatch]) -> None:
        del self.evidence.checks[self._recorded :]  # the last round is what the verdict rests on
        for one in checked:
            self.evidence.add(one.answer, one.expected, str(one.difference))

    def _head(self) -> str:
        one = self.requirement
        return f"NONCONFORMANT {one.id} ({one.section}, {one.level})"

    def _text(self, mismatches: list[Mismatch], rounds: Rounds) -> str:
        worst = mismatches[0]
        lines = [f"{self._head()}: {self._summary(worst)}", *self._lines(worst)]
        lines.insert(2, f"  when      {rounds.when_wrong()}")
        lines[-2] += f"   ({self._which(mismatches)})"
        others = [one for one in mismatches if one.answer.question != worst.answer.question]
        names = dict.fromkeys(f"{self.short(one.answer.question.name)} {one.answer.question.rdtype}" for one in others)
        if names:
            lines.append(f"  also      {', '.join(list(names)[:5])}{' …' if len(names) > 5 else ''}")
        return "\n".join(lines)

    def _summary(self, one: Mismatch) -> str:
        name, found = self.short(one.answer.question.name), one.difference
        if one.answer.problem is not None:
            return f"{one.answer.server.name} gives no usable answer for {name} ({found.instead})"
        if one.answer.truncated:
            return f"{name} is answered with a truncated message, even over TCP"
        if found.instead:
            return f"{name} is answered with {found.instead}"
        if found.missing:
            return f"{name} {_lacking(one)}" + (
                f" and {' '.join(found.extra)}, which must not be there" if found.extra else ""
            )
        if found.extra:
            return f"{name} answers what must not be there: {' '.join(found.extra)}"
        return f"{name} answers the same record more than once: {' '.join(found.repeated)}"

    def _lines(self, one: Mismatch) -> list[str]:
        answer = one.answer
        where = f"{answer.server}/{answer.transport} ({answer.server.name})"
        return [
            f"  asked     {answer.question} → {where} from {self.vantage.name}",
            f"  expected  {_in_brief(one.expected)}",
            f"  got       {_said_in_brief(answer)}{'' if answer.problem else f'         {one.difference}'}",
            f"  repeat    {repeat_command(answer.question, answer.server, answer.transport)}",
        ]

    def _which(self, mismatches: list[Mismatch]) -> str:
        """Which servers are wrong, as seen in the last round."""
        if len(self.servers) == 1:
            return "1 server"
        wrong: dict[str, set[str]] = {}
        for one in mismatches:
            wrong.setdefault(one.answer.server.name, set()).add(f"{one.answer.question} {one.difference}")
        fine = [server.name for server in self.servers if server.name not in wrong]
        if fine:
            return f"{', '.join(fine)} right"
        alike = all(one == wrong[mismatches[0].answer.server.name] for one in wrong.values())
        return f"{len(wrong)} servers {'alike' if alike else 'differently'}"


def _in_brief(expected: Expected) -> str:
    many = len(expected.values)
    return str(expected) if many <= RECORDS_SHOWN else f"{many} records, such as {in_order(expected.values)[0]}"


def _said_in_brief(answer: Answer) -> str:
    if answer.problem is None and len(answer.records) > RECORDS_SHOWN:
        return f"{answer.rcode} {len(answer.records)} records"
    return answer.said()


def _as_the_first(answers: Iterable[Answer]) -> Expectations:
    """What the first server said to each question."""
    first: dict[Question, Answer] = {}
    for one in answers:
        first.setdefault(one.question, one)
    return {question: _said_by(one) for question, one in first.items()}


def _said_by(answer: Answer) -> Expected:
    values = answer.records.values
    return exactly(values) if values else no_such_name() if answer.rcode == "NXDOMAIN" else no_data()


def announced_ttl(wrong: list[Mismatch]) -> int:
    """The TTL that the wrong answers were given with, in seconds: so long may a cache have kept them."""
    announced = [record.ttl for one in wrong for record in one.answer.records]
    return max(announced + [one.answer.negative_ttl or 0 for one in wrong], default=0)


def _lacking(one: Mismatch) -> str:
    rdtype, missing, wanted = one.answer.question.rdtype, one.difference.missing, one.expected.values
    if one.expected.choices or one.expected.kind == "alias":
        what = "CNAME " if one.expected.kind == "alias" and wanted & set(missing) else ""
        return f"{rdtype} lacks {what}{', '.join(missing)}"
    return f"answers {len(wanted) - len(missing)} of {len(wanted)} expected {rdtype} records"


def _what(one: Mismatch) -> tuple[Question, str, str]:
    return one.answer.question, one.answer.server.name, str(one.difference)
