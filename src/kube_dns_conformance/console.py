"""What `run` shows: a live table on a terminal, a line for each verdict elsewhere, and the summary at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pytest
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kube_dns_conformance.errors import KdcError, one_line, save_details
from kube_dns_conformance.marks import RUN, WRITER
from kube_dns_conformance.opening import tests_of
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.run import Run
from kube_dns_conformance.text import counted, printable

LOOK = {
    Verdict.CONFORMANT: ("✓", "green"),
    Verdict.NONCONFORMANT: ("✗", "bold red"),
    Verdict.UNKNOWN: ("?", "yellow"),
    Verdict.UNSUPPORTED: ("–", "dim"),
    Verdict.SKIPPED: ("–", "dim"),
    Verdict.NOT_RUN: ("–", "dim"),
}
FOOTER_LINES = 4


class Reporter:
    """A pytest plugin that takes the place of pytest's own terminal output."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.results = Results({}, [])
        self.run: Run | None = None
        self.problems: list[str] = []
        self._live: Live | None = None
        self._total = 0
        self._current = ""
        self._began = time.monotonic()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A suite that cannot be loaded is a bug of ours, and must not look like a smaller suite."""
        if report.failed:
            text = report.longreprtext
            what = (text.strip().splitlines() or ["no reason given"])[-1]
            self.problems.append(f"cannot load {report.nodeid}: {what} (details in {save_details(text)})")

    def pytest_internalerror(self, excrepr: object, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """A bug of ours, or a report that cannot be written. True: pytest need not show it."""
        error = excinfo.value
        if isinstance(error, KdcError):
            self.problems.append(str(error))
        else:
            self.problems.append(f"a bug of ours: {one_line(error)} (details in {save_details(str(excrepr))})")
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Before the cluster starts: say where and why."""
        if WRITER not in session.config.stash:
            return
        self.results = session.config.stash[WRITER].results
        self.run = session.config.stash[RUN]
        provider, why = self.run.options.chosen_provider
        tests = tests_of(session)
        self._total = len(tests)
        requirements = len({test.requirement for test in tests})
        self.console.print(
            f"{counted(requirements, 'requirement')}, {counted(self._total, 'test')}, cluster: {provider} ({why})",
            markup=False,
        )
        session.config.stash[WRITER].listeners.append(self._show)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """The workloads are ready: open the table."""
        if self._live is None:
            self._say_where()
            self._live = Live(console=self.console, transient=True, auto_refresh=True, redirect_stdout=False)
            if self.console.is_terminal:
                self._live.start()
        self._current = nodeid
        self._live.update(self._table())

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Close the table before anything else is said."""
        if self._live is not None:
            self._live.stop()

    def finish(self, report: str) -> None:
        """After the clean-up: everything that went wrong, the summary, where the time went, where the report is."""
        say, texts = self.console.print, _texts(self.results.results)
        self._say_wrong(texts)
        if not self.results.by_requirement():
            return
        say()
        for line in summary(self.results):
            say(line)
        if self.run is not None:
            spent = self.run.spent | {"judging": sum(result.seconds for result in self.results.results)}
            say(Text("time: " + ", ".join(f"{what} {seconds:.1f} s" for what, seconds in spent.items()), "dim"))
        if report:
            say(Text(f"report: {report}", "dim"))
        if self.results.ended_by and not any(self.results.ended_by in text for text in texts):
            say(Text(printable(self.results.ended_by), "yellow"))
        outcome = self.results.outcome()
        style = {"success": "bold green", "failure": "bold red"}.get(outcome, "bold yellow")
        seconds = time.monotonic() - self._began
        say(Text(f"{outcome}: {self.results.counts()} in {seconds:.0f} s", style))

    def _say_wrong(self, texts: list[str]) -> None:
        from kube_dns_conformance.reports import blame  # noqa: PLC0415 - needed once

        for problem in dict.fromkeys(self.problems):
            self.console.print(Text(printable(problem), "yellow"))
        for text in texts:
            self.console.print()
            self.console.print(Text(printable(text), "red" if text.startswith("NONCONFORMANT") else "yellow"))
        where = blame.in_common(one for one in self.results.results if one.verdict is Verdict.NONCONFORMANT)
        if where:
            self.console.print()
            self.console.print(Text(printable(where), "red"))

    def _say_where(self) -> None:
        if self.run is None:
            return
        cluster = self.run.cluster
        servers = ", ".join(f"{server.name} {server}" for server in cluster.dns)
        where = f"Kubernetes {cluster.kubernetes} ({cluster.provider} {cluster.name}), zone {cluster.zone}"
        where += f" ({cluster.zone_note})" if cluster.zone_note else ""
        self.console.print(printable(f"{where}, asking {servers}"), markup=False)

    def _show(self, result: Result) -> None:
        if self.console.is_terminal or self._live is None:  # where nothing has begun, the summary says all of it
            return
        sign, style = LOOK[result.verdict]
        name = result.test.rpartition("::")[2]
        self.console.print(
            Text(f"{sign} {result.verdict:13} {result.requirement}  {name}  {result.seconds:.1f} s", style)
        )

    def _table(self) -> Group:
        """What went wrong first, then the latest, as many as fit on the screen."""
        latest = self.results.results[::-1]
        rows = [one for one in latest if one.verdict in Verdict.bad()]
        rows += [one for one in latest if one.verdict not in Verdict.bad()]
        table = Table.grid(padding=(0, 2))
        for result in rows[: max(self.console.height - FOOTER_LINES, 1)]:
            sign, style = LOOK[result.verdict]
            table.add_row(Text(sign, style), Text(result.requirement), Text(str(result.verdict), style))
        state = (
            f"{len(rows)}/{self._total}  {time.monotonic() - self._began:.0f} s  {self._current.rpartition('::')[2]}"
        )
        return Group(table, Text(printable(state), "dim"))


def _texts(results: Iterable[Result]) -> list[str]:
    """The text of every bad verdict, once even when many tests have the same reason."""
    texts: dict[str, str] = {}
    for result in results:
        if result.verdict in Verdict.bad():
            reason = result.detail.partition(": ")[2] if result.verdict is Verdict.UNKNOWN else result.detail
            texts.setdefault(reason, result.detail)
    return list(texts.values())


def summary(results: Results) -> Iterator[Text]:
    """A line for each requirement."""
    verdicts = results.by_requirement()
    width = max(map(len, verdicts))
    needs = {one.requirement: one.message for one in results.results if one.verdict is Verdict.UNSUPPORTED}
    for name, verdict in verdicts.items():
        sign, style = LOOK[verdict]
        one = catalogue()[name]
        line = Text(f"{sign} {verdict:13} ", style)
        line.append(f"{name:{width}}  ", "none").append(f"{one.level} {one.section}", "dim")
        if verdict is Verdict.UNSUPPORTED:
            line.append(f"  {needs[name].removeprefix(f'{verdict}: ')}", style)
        yield line
