"""`upgrade` from its options to its exit status: baseline, watch while a command runs, verify, compare."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import FrameType

from rich.text import Text

from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.audit.command import running
from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.audit.reach import insist_answering
from kube_dns_conformance.chosen import Options
from kube_dns_conformance.clock import now
from kube_dns_conformance.clusters.base import Capability
from kube_dns_conformance.errors import ClusterError, ExitCode, UsageError
from kube_dns_conformance.journal import Journal
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.oracle import has_condition
from kube_dns_conformance.progress import Output, console, step
from kube_dns_conformance.promises import ADDRESS_TYPES, Key
from kube_dns_conformance.reports import compared, write_upgrade
from kube_dns_conformance.results import Results, read
from kube_dns_conformance.run import Run
from kube_dns_conformance.signals import clean_up_when_terminated, cleaning_up
from kube_dns_conformance.situations import is_of_a_run
from kube_dns_conformance.text import counted, printable
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.upgrade import difference, snapshot
from kube_dns_conformance.upgrade.budget import Budget
from kube_dns_conformance.upgrade.folder import AFTER, BEFORE, Folder
from kube_dns_conformance.upgrade.guard import Guard, Row
from kube_dns_conformance.upgrade.seen import COMMAND
from kube_dns_conformance.upgrade.seen import read as read_seen
from kube_dns_conformance.upgrade.snapshot import Snapshot
from kube_dns_conformance.upgrade.upgraded import Upgraded
from kube_dns_conformance.watching.names import choose

SERVICES_WATCHED = 10
"""Unless names are named: an upgrade does to all Services what it does to these."""
PROFILES = ("core", "extended")
WATCHING = "watching"
OUTCOME, PAGE = "outcome", "index.html"
Words = Sequence[str]


class Phase(StrEnum):
    """What can be done alone, each on the machine that is at hand then."""

    BASELINE = "baseline"
    WATCH = "watch"
    VERIFY = "verify"


@dataclass(frozen=True)
class Choice:
    """What the command line says. ``judged`` are options of `run`, in its words; ``seconds`` is how long to watch
    without a ``command``."""

    folder: Path
    judged: Words = ()
    names: Words = ()
    namespaces: Words = ()
    sample: int = 0
    seconds: float | None = None
    budget: Budget = field(default_factory=Budget)
    command: Words = ()
    as_json: bool = False


class Upgrade:
    """The phases, one after the other or each in a process of its own."""

    def __init__(self, options: Options, choice: Choice, timings: Timings) -> None:
        self._options = replace(running(options), read_only=True)
        self._choice = choice
        self._timings = timings
        self._folder = Folder(choice.folder)

    def baseline(self) -> None:
        """Judge the cluster, and take down all that its DNS says. Raises KdcError when that cannot be done."""
        self._folder.make()
        self._look(BEFORE)
        if not (Snapshot.from_data(self._folder.load(BEFORE)).replicas or self._options.dns_servers):
            console.print("no DNS replica was found to be ready: what stands before an upgrade is its measure")
        self._judge(BEFORE)

    def watch(self) -> int | None:
        """Ask without a pause while the command runs, or until the time is up. Returns the command's exit status."""
        self._folder.load(BEFORE)
        before = self._unfinished()
        options = replace(self._options, every_node=True)
        run = Run.join(self._folder.load(WATCHING), options, self._timings) if before else Run(options, self._timings)
        if before:
            run.own()
        try:
            cluster = run.cluster  # from now on it is known from where to ask
            insist_answering(Checks(run.vantage, cluster.dns), cluster.zone, self._timings)
            self._folder.save(WATCHING, run.invitation())  # with it another process goes on, should this one die
            with step("reading Services, EndpointSlices and Pods") as progress:
                live = Live(Kube(cluster.kubeconfig, cluster.context), self._timings.api, progress)
            try:
                return self._guard(run, live, before)
            finally:
                live.close()
        finally:
            run.close()
            self._folder.forget(WATCHING)

    def _unfinished(self) -> list[Row]:
        """What a watch has seen whose process died."""
        if not (self._folder.has(WATCHING) and self._folder.watch.exists()):
            return []
        lines = list(self._folder.lines())
        return lines if lines and lines[-1]["kind"] != "end" else []

    def verify(self) -> ExitCode:
        """Look again, judge again, and compare with the baseline."""
        before = Snapshot.from_data(self._folder.load(BEFORE))
        lines = list(self._folder.lines())
        try:
            self._look(AFTER)
        except ClusterError as error:  # which may be what the upgrade has done to it
            console.print(f"DNS cannot be looked at after the upgrade: {error}", markup=False)
            self._folder.save(AFTER, before.without_dns(str(error)).as_data())
        after = Snapshot.from_data(self._folder.load(AFTER))
        self._judge(AFTER, f"--upgrade={self._folder.path}", only_upgrade=bool(after.problem))
        return self._conclude(before, after, next((one["status"] for one in lines if one["kind"] == "end"), None))

    def _judge(self, phase: str, *more: str, only_upgrade: bool = False) -> None:
        """In a process of its own: pytest runs once in each. Raises ClusterError when it could not judge anything."""
        choice, report = self._choice, self._folder.report(phase)
        judged = list(choice.judged) or [f"--profile={one}" for one in PROFILES]
        if only_upgrade:
            judged = ["--profile=upgrade"]
        elif phase == AFTER:
            judged += ["--requirement=upgrade.*"] if any(one.startswith("--requirement=") for one in judged) else []
            judged += ["--profile=upgrade"] if any(one.startswith("--profile=") for one in judged) else []
        arguments = [*self._where(), *judged, *more, f"--report-dir={report}"]
        own = [sys.executable, "-m", "kube_dns_conformance", "run", *arguments]
        console.print(f"judging it {phase} the upgrade", markup=False)
        status = subprocess.run(own, check=False, stdout=subprocess.DEVNULL).returncode
        if status not in (ExitCode.CONFORMANT, ExitCode.NONCONFORMANT, ExitCode.COULD_NOT_JUDGE):
            raise Interrupted(status)
        results = read(report)
        told = f"{phase} the upgrade: {results.counts()} ({report / 'index.html'})"
        console.print(told, markup=False, soft_wrap=True)
        if not results.complete:
            raise ClusterError(f"the run {phase} the upgrade did not reach its end: {results.ended_by}")

    def _where(self) -> Iterator[str]:
        """The cluster, as options of `run`."""
        chosen = self._options
        single = {
            "--cluster": chosen.provider,
            "--name": chosen.cluster_name,
            "--kubeconfig": chosen.kubeconfig,
            "--context": chosen.context,
            "--zone": chosen.zone,
            "--agent-image": chosen.agent_image,
            "--image-registry": chosen.image_registry,
        }
        yield from (f"{option}={value}" for option, value in single.items() if value)
        yield from (f"--dns-server={server}" for server in chosen.dns_servers)
        yield from (f"--timing={name}={value:g}" for name, value in self._timings.as_data().items())

    def _look(self, phase: str) -> None:
        run = Run(self._options, self._timings)
        try:
            self._folder.save(phase, snapshot.take(run, self._choice.namespaces).as_data())
        finally:
            run.close()

    def _guard(self, run: Run, live: Live, before: list[Row]) -> int | None:
        choice = self._choice
        sample = 0 if choice.names else choice.sample or SERVICES_WATCHED
        # What the run before has made is on its way out.
        lasting = {one["metadata"]["namespace"] for one in live.objects("Service")}
        lasting = {one for one in lasting if not is_of_a_run(one)}
        keys = choose(live, run.cluster.zone, choice.names, choice.namespaces or sorted(lasting), sample)
        keys = [key for key in keys if key.rdtype in ADDRESS_TYPES]
        if before:
            keys = [Key(*key) for key in before[0]["keys"]]
        journal = Journal(self._folder.watch, go_on=bool(before), private=True)
        there = _nodes(run)
        guard = Guard(run, live, keys, journal, choice.budget, before)
        console.print(f"watching {len(keys)} names and types, each once in {guard.slot:g} s", markup=False)
        with _told_to_end() as is_told:
            status = _run(choice.command, guard, is_told) if choice.command else None
            if not choice.command:
                _wait(choice.seconds, guard, is_told)
            commanded = now()
            with step("watching on, for as long as DNS may take to follow") as progress:
                while now() < commanded + guard.granted and not is_told():
                    progress.update(done=int(now() - commanded), total=int(guard.granted))
                    guard.round()
        guard.end()
        nodes = sorted(one.place for one in run.vantage.posts())
        seen = read_seen(self._folder.lines())
        end = {
            "nodes": nodes,
            "unwatched": sorted(there - {path.node for path in seen.tracks}),
            "at": round(now(), 3),
            "commanded": round(commanded, 3),
            "announced": guard.announced,
            "status": status,
        }
        journal.add("end", end)
        console.print(
            printable(f"{seen.worst()}; {choice.budget.longest:g} s are allowed"), markup=False, soft_wrap=True
        )
        return status

    def _conclude(self, before: Snapshot, after: Snapshot, status: int | None) -> ExitCode:
        runs = read(self._folder.report(BEFORE)), read(self._folder.report(AFTER))
        outcome = Outcome(*runs, before, after, status)
        self._folder.save(OUTCOME, outcome.as_data())
        write_upgrade(self._folder.path / PAGE, outcome.as_data(), Upgraded.read(self._folder.path), *runs)
        output = Output(file=sys.stderr if self._choice.as_json else sys.stdout, highlight=False, soft_wrap=True)
        outcome.say(output, self._folder.path / PAGE)
        if self._choice.as_json:
            print(json.dumps(outcome.as_data() | {"report": str(self._folder.path)}, indent=2))  # noqa: T201
        return outcome.exit_code()


def _nodes(run: Run) -> set[str]:
    """Those from which it shall be asked: that are ready."""
    if Capability.REAL_PODS not in run.cluster.capabilities:
        return set()
    nodes, _ = Kube(run.cluster.kubeconfig, run.cluster.context).list("v1", "Node")
    return {node["metadata"]["name"] for node in nodes if has_condition(node, "Ready")}


class Interrupted(ClusterError):
    """A part of it was told to end, and so this is."""

    def __init__(self, status: int) -> None:
        super().__init__("the run was interrupted" if status > 128 else "the run could not begin")
        self.exit_code = status  # type: ignore[assignment]


class Outcome:
    """What has become of it."""

    def __init__(self, before: Results, after: Results, was: Snapshot, now_is: Snapshot, status: int | None) -> None:
        self.compared = compared.runs(before, after)
        self.messages = compared.messages(after)
        self.information = list(difference.information(was, now_is))
        self.otherwise = difference.otherwise(was, now_is)
        self.status = status
        self._complete = after.complete and not after.not_run()
        self._unknown = difference.unknown(after)

    def exit_code(self) -> ExitCode:
        """1 when something is worse than before, else 3 when that cannot be said, else 4 when the command failed."""
        if self.compared.broken or set(self.compared.lost) - set(self._unknown):
            return ExitCode.NONCONFORMANT
        if self._unknown or not self._complete:
            return ExitCode.COULD_NOT_JUDGE
        return ExitCode.COMMAND_FAILED if self.status else ExitCode.CONFORMANT

    def word(self) -> str:
        """The exit code in a word."""
        words = {ExitCode.NONCONFORMANT: "nonconformant", ExitCode.COULD_NOT_JUDGE: "could not judge"}
        return words.get(self.exit_code(), "conformant")

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        found = self.compared
        return {
            "outcome": self.word(),
            "command": self.status,
            "broken": {name: self.messages.get(name, "") for name in found.broken},
            "lost": {name: self.messages.get(name, "") for name in found.lost},
            "still_broken": list(found.still),
            "mended": list(found.mended),
            "information": self.information,
            "answered_otherwise": [dict(zip(("name", "before", "after"), one, strict=True)) for one in self.otherwise],
        }

    def say(self, output: Output, page: Path) -> None:
        """For people: what is wrong first."""
        output.print()
        for text, style in compared.told(self.compared, self.messages):
            output.print(Text(printable(text), style))
        for text in (
            *self.information,
            *(f"answered otherwise, rightly as well: {name}: {was}, now {said}" for name, was, said in self.otherwise),
        ):
            output.print(printable(text), markup=False)
        if self.status is not None:
            output.print(f"the command ended with status {self.status}", markup=False)
        output.print(Text(f"report: {page}", "dim"))
        style = {"nonconformant": "bold red", "conformant": "bold green"}.get(self.word(), "bold yellow")
        output.print(Text(f"{self.word()}: {counted(len(self.compared.broken), 'requirement')} newly broken", style))


def phase(text: str) -> Phase | None:
    """Which one; None for all. Raises UsageError."""
    if text and text not in set(Phase):
        raise UsageError(f"there is no phase {text!r}", f"there are {', '.join(Phase)}; a command goes after --")
    return Phase(text) if text else None


def folder(chosen: str, phase: str) -> Path:
    """Where everything goes: as chosen, else a new one for each upgrade below ``kdc-upgrade``. Raises UsageError."""
    if phase and not chosen:
        raise UsageError(f"upgrade {phase} needs --state DIR", "what one phase leaves there the next one needs")
    return Path(chosen) if chosen else Path("kdc-upgrade") / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


def upgrade(phase: Phase | None, options: Options, choice: Choice, timings: Timings) -> int:
    """Do one phase, or all. Raises KdcError."""
    if phase is None and not choice.command:
        raise UsageError(
            "there is no command to watch", "kube-dns-conformance upgrade -- kubeadm upgrade apply v1.37.2"
        )
    if phase in (Phase.BASELINE, Phase.VERIFY) and choice.command:
        raise UsageError(f"a command goes with the phase watch, and not with {phase}")
    if phase is Phase.WATCH and not choice.command and choice.seconds is None:
        console.print("watching until Ctrl-C", markup=False)
    if choice.command and shutil.which(choice.command[0]) is None:
        raise UsageError(f"there is no command {choice.command[0]!r}")
    clean_up_when_terminated()
    whole = Upgrade(options, choice, timings)
    if phase in (None, Phase.BASELINE):
        whole.baseline()
    if phase in (None, Phase.WATCH):
        whole.watch()
    return whole.verify() if phase in (None, Phase.VERIFY) else ExitCode.CONFORMANT


def _run(command: Words, guard: Guard, is_told: Callable[[], int]) -> int:
    """Run the command, which has the terminal; what tells us to end tells it as well."""
    guard.mark(COMMAND, "", shlex.join(command))
    with subprocess.Popen(list(command)) as process:  # whatever happens to us, it is waited for
        while process.poll() is None:
            guard.round()
            if is_told() == signal.SIGTERM:  # Ctrl-C it has heard itself
                process.terminate()
    guard.mark(COMMAND, "", f"ended with status {process.returncode}")
    return process.returncode


def _wait(seconds: float | None, guard: Guard, is_told: Callable[[], int]) -> None:
    end = now() + seconds if seconds else float("inf")
    while now() < end and not is_told():
        guard.round()


@contextmanager
def _told_to_end() -> Iterator[Callable[[], int]]:
    """Within the block a signal ends the watch and nothing else: what was seen is told. Says which one came, or 0."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with cleaning_up():
            yield lambda: came[0] if came else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
