"""What people see while a watch goes on, and at its end: a table that stays current on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from types import TracebackType

from rich.console import Group, JustifyMethod, RenderableType
from rich.live import Live as Screen
from rich.table import Table
from rich.text import Text

from kube_dns_conformance.outages import Outage, longest
from kube_dns_conformance.progress import PLAIN_LINE_EVERY_SECONDS, Output
from kube_dns_conformance.text import counted, printable
from kube_dns_conformance.timeline import Lane
from kube_dns_conformance.watch import Observer
from kube_dns_conformance.watching.verdict import Seen, causes, not_right

REDRAWS_PER_SECOND = 4
LINES_SHOWN = 8
LINES_AT_END = 20


class Board:
    """Shows what is seen until the block ends. ``seconds`` is how long the watch shall last, if that is known."""

    def __init__(self, output: Output, seen: Seen, seconds: float | None) -> None:
        self._output = output
        self._seen = seen
        self._seconds = seconds
        self._began = time.monotonic()
        self._lines: deque[Text] = deque(maxlen=LINES_SHOWN)
        self._screen: Screen | None = None
        self._said_at = self._began

    def __enter__(self) -> Board:
        if self._output.is_terminal:
            self._screen = Screen(
                console=self._output, auto_refresh=False, transient=True, vertical_overflow="crop"
            ).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._screen:
            self._screen.__exit__(kind, error, trace)

    def began(self, lane: Lane, one: Outage, ago: float) -> None:
        """An outage has begun."""
        self._say(Text(printable(f"{ago:+.2f} s  {lane} is not right: {one.cause}"), "yellow"))

    def ended(self, lane: Lane, one: Outage, ago: float) -> None:
        """An outage has ended, or goes on for another reason."""
        self._say(Text(printable(f"{ago:+.2f} s  {lane}: {one.cause} for {one.seconds:.2f} s"), "yellow"))

    def changed(self, text: str, ago: float) -> None:
        """The objects say something else now."""
        self._say(Text(printable(f"{ago:+.2f} s  {text}"), "cyan"))

    def refresh(self) -> None:
        """Show how it is now."""
        if self._screen:
            self._screen.update(self._all())
            self._screen.refresh()
        elif time.monotonic() - self._said_at >= PLAIN_LINE_EVERY_SECONDS:
            self._said_at = time.monotonic()
            self._output.print(f"… {self._state()}", markup=False)

    def end(self, observers: Sequence[Observer]) -> None:
        """The table, the longest outages, and the outcome."""
        self._output.print()
        self._output.print(table(self._seen))
        outages = self._seen.outages()
        texts = (f"{lane}: {one.cause} for {one.seconds:.2f} s, {one.asks} asked" for lane, one in outages)
        self._most(texts, len(outages), "outages")
        for problem in self._seen.problems():
            self._output.print(Text(printable(problem), "red"))
        worst = sorted(observers, key=lambda one: -one.missed)
        self._most(map(_watched, worst), len(worst), "who watched")
        blind = [f"{where} was not watched for more than half of the time" for where in self._seen.blind]
        self._most(blind, len(blind), "that were not", "yellow")
        outcome = self._seen.outcome()
        style = {"conformant": "bold green", "nonconformant": "bold red"}.get(outcome, "bold yellow")
        self._output.print(Text(f"{outcome}: {self._state()}", style))

    def _most(self, texts: Iterable[str], count: int, what: str, style: str = "") -> None:
        for text in islice(texts, LINES_AT_END):
            self._output.print(Text(printable(text), style))
        if count > LINES_AT_END:
            self._output.print(Text(f"… {count - LINES_AT_END} more {what}"))

    def _say(self, line: Text) -> None:
        if self._screen:
            self._lines.append(line)
        else:
            self._output.print(line)

    def _all(self) -> RenderableType:
        return Group(table(self._seen), *self._lines, Text(self._state(), "bold"))

    def _state(self) -> str:
        gone = time.monotonic() - self._began
        of = f" of {self._seconds:.0f}" if self._seconds else ""
        outages, allowed = self._seen.outages(), self._seen.budget.seconds(self._seen.announced)
        return (
            f"{self._seen.asked()} answers in {gone:.0f}{of} s, {counted(len(outages), 'outage')},"
            f" the longest {self._seen.longest():.2f} s of {allowed:g} s allowed"
        )


def table(seen: Seen) -> Table:
    """Servers and transports, and how they did."""
    made = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("server", "transport", "names", "asked", "not right now", "outages", "longest", "why"):
        justify: JustifyMethod = "left" if heading in {"server", "transport", "why"} else "right"
        made.add_column(heading, justify=justify, overflow="fold")
    for (server, transport), lanes in seen.by_server().items():
        names, tallies = len({lane.question for lane in lanes}), list(lanes.values())
        outages = [one for tally in tallies for one in tally.outages]
        worst = max((longest(tally.outages) for tally in tallies), default=0.0)
        made.add_row(
            printable(server),
            transport,
            str(names),
            str(sum(tally.asked for tally in tallies)),
            _red(not_right(tallies)),
            str(len(outages)),
            f"{worst:.2f} s",
            causes(outages),
        )
    return made


def _red(count: int) -> Text:
    return Text(str(count), "red" if count else "green")


def _watched(one: Observer) -> str:
    missed = f"{one.missed} of {one.slots} slots missed"
    return f"watched from {one.name}: {missed}, times exact to {max(one.error, 0.001):.3f} s, slots of {one.slot:g} s"
