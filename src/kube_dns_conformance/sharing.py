"""Tests spread over processes by pytest-xdist: still one process owns the cluster, its workloads and the report.

The controller is the host. It learns from its first worker which tests there are, starts everything for them, and
leaves an invitation in a private folder; the workers are guests, who join the run before their first test and send
their results back with pytest's reports. The tests of a file share their workloads, and stay together. Whoever stops a
node, DNS or the API server does it while no other guest judges anything.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from kube_dns_conformance import opening
from kube_dns_conformance.chosen import Options
from kube_dns_conformance.clusters.base import Capability
from kube_dns_conformance.marks import RUN, WRITER, requirement_of
from kube_dns_conformance.results import Result, Verdict
from kube_dns_conformance.run import Run
from kube_dns_conformance.timings import Timings

TOGETHER = ("loadfile", "loadscope")
"""What keeps the tests of a file in one process: pytest-xdist's ``--dist``."""
DISTURBS = {
    Capability.ALLOW_DISRUPTIVE,
    Capability.FREEZE_NODES,
    Capability.RESTART_DNS,
    Capability.SCALE_DNS,
    Capability.STOP_API_SERVER,
}
INPUT = "kube_dns_conformance"
RESULT = "kube_dns_conformance_result"
FIRST_WORKER = "gw0"


def is_worker(config: pytest.Config) -> bool:
    """Whether another process has the cluster."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether other processes run the tests."""
    return config.getoption("dist", "no") != "no" and bool(config.getoption("tx", None))


def deliver(result: Result, report: pytest.TestReport, config: pytest.Config) -> None:
    """To the report of this process, or with pytest's to the controller's."""
    if WRITER in config.stash:
        config.stash[WRITER].add(result)
    else:
        setattr(report, RESULT, json.dumps(asdict(result)))


class Host:
    """The controller's part."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._private = tempfile.TemporaryDirectory(prefix="kdc-")
        self._folder = Path(self._private.name)
        self._tests: dict[str, opening.Test] = {}
        self._crashed: set[str] = set()

    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where things are."""
        node.workerinput[INPUT] = self._private.name

    def pytest_xdist_node_collection_finished(self) -> None:
        """Start everything, once the first worker has said what is judged."""
        found = self._folder / "tests.json"
        if self._tests or not found.exists():
            return
        self._tests = {one[0]: opening.Test(*one) for one in json.loads(found.read_text())}
        if self._config.option.dist not in TOGETHER:
            raise pytest.UsageError("the tests of a file share their workloads: add --dist loadfile to -n")
        opening.open_report(self._config, list(self._tests.values()))
        opening.prepare(self._config, list(self._tests.values()))
        _write(self._folder / "invitation.json", self._config.stash[RUN].invitation())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write what a worker judged; of one that ended in a test, that it did not."""
        writer = self._config.stash.get(WRITER, None)
        if writer is None:
            return
        if (text := getattr(report, RESULT, None)) is not None:
            fields = json.loads(text)
            writer.add(Result(**fields | {"verdict": Verdict(fields["verdict"])}))
        elif report.when not in ("setup", "call", "teardown") and report.nodeid in self._tests.keys() - self._crashed:
            self._crashed.add(report.nodeid)  # pytest-xdist tries again in another process
            writer.add(opening.unknown(self._tests[report.nodeid], "the process that judged it has ended"))

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """The invitation has a token in it."""
        self._private.cleanup()


class Guest:
    """A worker's part."""

    def __init__(self, config: pytest.Config, options: Options, timings: Timings) -> None:
        given: dict[str, str] = config.workerinput  # type: ignore[attr-defined]
        self._config, self._options, self._timings = config, options, timings
        self._folder, self._name = Path(given[INPUT]), given["workerid"]
        self._turn: int | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell the controller what is judged, before pytest-xdist tells it that it was collected."""
        if self._name == FIRST_WORKER and (tests := opening.tests_of(session)):
            _write(self._folder / "tests.json", tests)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Judge beside others, or when it is a file that disturbs them, alone: from its first test to its last."""
        if item.get_closest_marker("requirement") is None:
            return (yield)
        if RUN not in self._config.stash:
            invitation = json.loads((self._folder / "invitation.json").read_text())
            self._config.stash[RUN] = Run.join(invitation, self._options, self._timings)
        if self._turn is None:
            self._turn = os.open(self._folder / "turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._turn, fcntl.LOCK_EX if self._disturbs(item) else fcntl.LOCK_SH)
        try:
            return (yield)
        finally:
            if nextitem is None or nextitem.path != item.path:
                os.close(self._turn)
                self._turn = None

    def _disturbs(self, item: pytest.Item) -> bool:
        capabilities = self._config.stash[RUN].cluster.capabilities
        file = [one for one in item.session.items if one.path == item.path]
        judged = [requirement_of(one) for one in file if one.get_closest_marker("requirement") is not None]
        return any(DISTURBS.intersection(one.needs) and not one.missing(capabilities) for one in judged)


def _write(path: Path, data: Sequence[object] | dict[str, Any]) -> None:
    """Whole or not at all. Only this user can look into the folder."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(data))
    new.replace(path)
