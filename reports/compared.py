"""Two runs compared, requirement by requirement: what is worse, what is better, what nobody can tell any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kube_dns_conformance.errors import ExitCode
from kube_dns_conformance.reports import coverage, facts
from kube_dns_conformance.results import Results, Verdict

JUDGED = (Verdict.CONFORMANT, Verdict.NONCONFORMANT)


@dataclass(frozen=True)
class Compared:
    """Requirements by what became of them, each in one of the first six at most.

    ``broken`` are nonconformant and were not; ``mended`` are conformant and were nonconformant; ``still`` is
    nonconformant in both. ``lost`` were conformant, and asked for again, and could not be judged; ``unclear`` the same
    of those that were nonconformant. ``regained`` are conformant and could not be judged before. Those of only one of
    the runs are in ``only_before`` and ``only_after``, and nonconformant ones in ``broken`` as well.
    """

    broken: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    regained: tuple[str, ...] = ()
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()


def runs(before: Results, after: Results) -> Compared:
    """What became of each requirement that either run selected."""
    was, now = before.by_requirement(), after.by_requirement()
    good, bad = JUDGED
    both = [(name, was[name], now[name]) for name in was if name in now]
    return Compared(
        broken=tuple(name for name, verdict in now.items() if verdict is bad and was.get(name) is not bad),
        mended=tuple(name for name, old, new in both if (old, new) == (bad, good)),
        still=tuple(name for name, old, new in both if (old, new) == (bad, bad)),
        lost=tuple(name for name, old, new in both if old is good and new not in JUDGED),
        unclear=tuple(name for name, old, new in both if old is bad and new not in JUDGED),
        regained=tuple(name for name, old, new in both if old not in JUDGED and new is good),
        only_before=tuple(name for name in was if name not in now),
        only_after=tuple(name for name in now if name not in was),
    )


def messages(results: Results) -> dict[str, str]:
    """Why each requirement has the verdict that it has, in a line, where that was said."""
    deciding = [one for verdict in Verdict for one in coverage.deciding(results, verdict)]
    return {one.requirement: one.message for one in deciding if one.message}


def told(compared: Compared, why: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What became of them for people, the worst first: lines, each with its style."""
    yield from ((why.get(name, f"nonconformant: {name}"), "red") for name in compared.broken)
    for head, names, style in (
        ("conformant before, not judged now", compared.lost, "red"),
        ("nonconformant before, not judged now", compared.unclear, "yellow"),
        ("nonconformant before as well", compared.still, ""),
        ("nonconformant before, conformant now", compared.mended, ""),
        ("not judged before, conformant now", compared.regained, ""),
    ):
        for name in names:
            reason = f": {why[name]}" if style and name in why else ""
            yield f"{head}: {name}{reason}", style


class Comparison:
    """Two runs, of one cluster at two times or of two clusters."""

    def __init__(self, before: Results, after: Results) -> None:
        self.compared = runs(before, after)
        self._was, self._now = before.by_requirement(), after.by_requirement()
        self.why = messages(after)
        self._facts = facts.differences(before, after)

    def exit_code(self) -> ExitCode:
        """1 when something is newly nonconformant; 0 when all that was conformant still is; else 3.

        Of runs that judged nothing in common nothing can be said, which is 3 as well.
        """
        if self.compared.broken:
            return ExitCode.NONCONFORMANT
        kept = [self._now.get(name) for name, verdict in self._was.items() if verdict is Verdict.CONFORMANT]
        known = kept or self.compared.mended or self.compared.still
        if not known or any(verdict is not Verdict.CONFORMANT for verdict in kept):
            return ExitCode.COULD_NOT_JUDGE
        return ExitCode.CONFORMANT

    def word(self) -> str:
        """The exit code in words."""
        return {0: "not worse", 1: "worse"}.get(self.exit_code(), "could not tell")

    def sentence(self) -> str:
        """The outcome, and how much of what there is."""
        found = self.compared
        counts = {
            "newly nonconformant": len(found.broken),
            "newly conformant": len(found.mended),
            "not judged any more": len(found.lost) + len(found.unclear),
            "judged again": len(found.regained),
        }
        return f"{self.word()}: {', '.join(f'{count} {what}' for what, count in counts.items())}"

    def as_data(self) -> dict[str, Any]:
        """For JSON: names as the command ``upgrade`` has them, where it has them."""
        compared = self.compared
        return {
            "outcome": self.word(),
            **{what: self._told(getattr(compared, what)) for what in ("broken", "lost", "unclear")},
            "still_broken": list(compared.still),
            **{what: list(getattr(compared, what)) for what in ("mended", "regained", "only_before", "only_after")},
            "differences": [{"what": one.what, "before": one.texts[0], "after": one.texts[1]} for one in self._facts],
        }

    def _told(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: self.why.get(name, "") for name in names}

    def lines(self) -> Iterator[tuple[str, str]]:
        """For people, the worst first and the outcome last: lines, each with its style."""
        compared = self.compared
        yield from told(compared, self.why)
        for run, names, verdicts in (
            ("first", compared.only_before, self._was),
            ("second", compared.only_after, self._now),
        ):
            if names:
                yield f"only in the {run} run: {', '.join(f'{name} ({verdicts[name]})' for name in names)}", ""
        for one in self._facts:
            yield f"{one.what}: {one.texts[0] or 'not known'} before, {one.texts[1] or 'not known'} after", ""
        yield self.sentence(), {0: "bold green", 1: "bold red"}.get(self.exit_code(), "bold yellow")
