"""`watch` from its options to its exit status."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from types import FrameType
from typing import Any

from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.audit.command import running
from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.audit.reach import insist_answering
from kube_dns_conformance.chosen import Options
from kube_dns_conformance.clock import now
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.errors import ClusterError, ExitCode, UsageError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.outages import State, Truth, state
from kube_dns_conformance.progress import Output, step
from kube_dns_conformance.run import Run
from kube_dns_conformance.text import counted
from kube_dns_conformance.timeline import Lane, Runs, gap_of
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.watch import Observer
from kube_dns_conformance.watching.board import Board
from kube_dns_conformance.watching.names import Truths, choose
from kube_dns_conformance.watching.posts import EveryNode, OnePlace, Posts
from kube_dns_conformance.watching.report import Report
from kube_dns_conformance.watching.verdict import Budget, Seen

TAKE_SECONDS = 0.25
NODES_TRIED = 3
PATIENCE_SECONDS = 1.0
"""DNS may hear of a change before we do."""
NUMBER = r"(\d+(?:\.\d+)?)"
DURATION = re.compile(rf"(?:{NUMBER}h)?(?:{NUMBER}m)?(?:{NUMBER}(?:s|$))?(?:{NUMBER}ms)?")
UNITS = 3600, 60, 1, 0.001


@dataclass(frozen=True)
class Choice:
    """What the command line says.

    Without ``seconds`` it goes on until it is interrupted; without ``max_outage`` (seconds) DNS is granted its time.
    """

    names: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    sample: int = 0
    seconds: float | None = None
    max_outage: float | None = None
    per_node: bool = False
    report_dir: str = ""
    as_json: bool = False


def duration(option: str, text: str) -> float | None:
    """Seconds from texts such as 90, 1.5s, 200ms, 10m, 1h30m; None from an empty one. Raises UsageError."""
    if not text:
        return None
    found = DURATION.fullmatch(text.strip())
    parts = found.groups(default="0") if found else ("0",) * len(UNITS)
    seconds = sum(float(part) * unit for part, unit in zip(parts, UNITS, strict=True))
    if not found or seconds <= 0:
        raise UsageError(f"{option} {text}: durations are such as 90s, 200ms, 10m, 1h30m")
    return seconds


def watch(options: Options, choice: Choice, timings: Timings) -> ExitCode:
    """Watch names of a cluster and say what came of it. Raises KdcError when that cannot be done."""
    if choice.per_node and options.dns_servers:
        raise UsageError("--per-node asks from inside, and --dns-server from here")
    report = Report(choice.report_dir)
    output = Output(file=sys.stderr if choice.as_json else sys.stdout, highlight=False, soft_wrap=True)
    run = Run(replace(running(options), read_only=True, every_node=choice.per_node), timings)
    try:
        cluster = run.cluster
        if choice.per_node and Capability.REAL_PODS not in cluster.capabilities:
            raise UsageError(f"cluster {cluster.name} runs no Pods: --per-node goes with one that does")
        _insist_answering(run, cluster, choice)
        seen, observers, interrupted = _watch(run, cluster, choice, output, report)
    finally:
        run.close()
    if choice.as_json:
        print(json.dumps(seen.as_data() | {"observers": _told(observers)}, indent=2))  # noqa: T201
    if interrupted and choice.seconds:
        return ExitCode.INTERRUPTED
    return seen.exit_code()


def _insist_answering(run: Run, cluster: Cluster, choice: Choice) -> None:
    """Where every node is asked from, one of them may be the very one that is broken."""
    last: ClusterError | None = None
    for vantage in run.vantage.posts()[:NODES_TRIED] if choice.per_node else [run.vantage]:
        try:
            insist_answering(Checks(vantage, cluster.dns), cluster.zone, run.timings)
        except ClusterError as error:
            last = error
        else:
            return
    raise last or ClusterError("there is no agent Pod that is ready")


def _told(observers: Iterable[Observer]) -> list[dict[str, Any]]:
    return [one.as_data() for one in observers]


def _watch(
    run: Run, cluster: Cluster, choice: Choice, output: Output, report: Report
) -> tuple[Seen, Sequence[Observer], bool]:
    kube = Kube(cluster.kubeconfig, cluster.context)
    with step("reading Services, EndpointSlices and Pods") as progress:
        live = Live(kube, run.timings.api, progress)
    try:
        keys = choose(live, cluster.zone, choice.names, choice.namespaces, choice.sample)
        truths = Truths(live, cluster.zone, keys)
        posts = _posts(run, kube, [Question(*key) for key in keys], choice)
        seen = Seen(Budget(run.timings.propagation, choice.max_outage), gap_of(posts.slot))
        one = _Watching(seen, truths, report, Board(output, seen, choice.seconds))
        report.begin({"keys": keys, "timings": run.timings.as_data(), "chosen": asdict(choice)})
        with _interruptible() as is_interrupted:
            servers = ", ".join(f"{server.name} {server}" for server in cluster.dns)
            until = f"for {choice.seconds:g} s" if choice.seconds else "until Ctrl-C"
            often = f"every {posts.slot:g} s"
            output.print(f"watching {len(keys)} names and types at {servers} {often} {until}", markup=False)
            one.go_on(posts, choice.seconds, run.timings.answer, is_interrupted)
            report.end(seen.as_data() | {"observers": _told(posts.observers)})
            one.board.end(posts.observers)
            return seen, posts.observers, is_interrupted()
    finally:
        live.close()


def _posts(run: Run, kube: Kube, questions: Sequence[Question], choice: Choice) -> Posts:
    """Raises UsageError where nodes would ask too seldom to tell an outage from one lost answer."""
    servers = run.cluster.dns
    if not choice.per_node:
        return OnePlace(run.vantage, servers, questions, run.timings)
    nodes = [node["metadata"]["name"] for node in kube.list("v1", "Node")[0]]
    posts = EveryNode(run.vantage, servers, questions, run.timings, nodes)
    allowed = choice.max_outage or run.timings.propagation
    if 2 * posts.slot > allowed:
        often = f"{counted(len(nodes), 'node')} ask {len(questions)} names and types every {posts.slot:.1f} s"
        raise UsageError(f"{often}: too seldom where {allowed:g} s are allowed", "fewer names, as with --sample 10")
    return posts


class _Watching:
    def __init__(self, seen: Seen, truths: Truths, report: Report, board: Board) -> None:
        self.board = board
        self._seen = seen
        self._truths = truths
        self._report = report
        self._runs = Runs(seen.gap)
        self._waiting: list[Answer] = []
        self._began = now()

    def go_on(self, posts: Posts, seconds: float | None, answer: float, is_interrupted: Callable[[], bool]) -> None:
        """Watch until the time is up, or until somebody interrupts. ``answer`` (seconds) is how long one may take."""
        end = self._began + seconds if seconds else float("inf")
        with self.board, posts:
            while now() < end and not is_interrupted():
                self._look()
                self._waiting += posts.take(TAKE_SECONDS)
                self._judge(now() - PATIENCE_SECONDS)
                self.board.refresh()
        ended = now() - 2 * answer  # what was asked later may not have been answered, and is not told then
        self._waiting += posts.take(0.0)
        self._judge(float("inf"))
        self._seen.look_back(posts.lanes, self._began, ended)
        for line in self._runs.rest():
            self._report.add("seen", line)

    def _look(self) -> None:
        for moment, key, said in self._truths.news():
            self._report.add("truth", {"at": round(moment, 3), "name": key.name, "type": key.rdtype, "says": str(said)})
            self.board.changed(f"{key.name} {key.rdtype} is {said} now", moment - self._began)

    def _judge(self, until: float) -> None:
        """Judge what was asked before ``until``: of what came later the objects may not have been heard yet."""
        ready = [one for one in self._waiting if one.sent < until]
        self._waiting = [one for one in self._waiting if one.sent >= until]
        for answer in sorted(ready, key=lambda one: one.sent):
            if state(answer, self._truths.of(answer.question)) is State.WRONG:
                self._truths.confirm(answer.question, answer.sent)
            self._take(answer, self._truths.of(answer.question))

    def _take(self, answer: Answer, truth: Truth) -> None:
        if line := self._runs.add(answer, truth):
            self._report.add("seen", line)
        ended, begun = self._seen.add(answer, truth)
        lane, moment = Lane.of(answer), answer.sent - self._began
        if ended:
            self.board.ended(lane, ended, moment)
        if begun:
            self.board.began(lane, begun, moment)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Within the block Ctrl-C ends the watch, and nothing else: what was seen is told. Says whether it came."""
    came = []

    def note(_number: int, _frame: FrameType | None) -> None:
        came.append(True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGINT, before)
