"""What comes before the first test: the report is opened, the cluster started, the workloads deployed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from kube_dns_conformance import __version__
from kube_dns_conformance.command import reproduce
from kube_dns_conformance.errors import KdcError, UsageError
from kube_dns_conformance.marks import RUN, WRITER, requirement_of, situation_of
from kube_dns_conformance.progress import console
from kube_dns_conformance.requirements import Profile, catalogue
from kube_dns_conformance.results import Result, Verdict, Writer
from kube_dns_conformance.signals import clean_up_when_terminated

ENDED_BY = pytest.StashKey[str]()
"""What ended the run before its first test, in one line."""


class Test(NamedTuple):
    """A test of the suites: its node id, the requirement it judges, the situation it needs."""

    id: str
    requirement: str
    situation: str


def tests_of(session: pytest.Session) -> list[Test]:
    """The tests of the session that judge a requirement."""
    judged = [item for item in session.items if item.get_closest_marker("requirement") is not None]
    return [Test(item.nodeid, requirement_of(item).id, situation_of(item.path)) for item in judged]


def open_report(config: pytest.Config, tests: Sequence[Test]) -> None:
    """Open the report of these tests; of none, nothing. Raises pytest.UsageError."""
    if not tests:
        return
    run, directory = config.stash[RUN], config.getoption("report_dir")
    try:
        _ = run.options.chosen_provider  # says what is wrong with the name
        writer = Writer(Path(directory) if directory else None)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[WRITER] = writer
    head = {
        "run": run.id,
        "version": __version__,
        "started": round(time.time(), 3),
        "command": reproduce(sys.argv, os.environ),
        "timings": run.timings.as_data(),
        "selected": {test.id: test.requirement for test in tests},
    }
    writer.begin(head)


def prepare(config: pytest.Config, tests: Sequence[Test]) -> None:
    """Start the cluster and all workloads. Raises pytest.UsageError, or pytest.exit.Exception: could not judge."""
    run, writer = config.stash[RUN], config.stash[WRITER]
    clean_up_when_terminated()
    if terminal := config.pluginmanager.get_plugin("terminalreporter"):
        terminal.write_line("cluster: {} ({})".format(*run.options.chosen_provider))
    try:
        cluster = run.cluster
        for server in run.silent:
            console.print(f"{server.name} at {server} gives no usable answer, as every verdict will say", markup=False)
        writer.begin(writer.results.run | {"cluster": cluster.as_data()})
        supported = [test for test in tests if not catalogue()[test.requirement].missing(cluster.capabilities)]
        run.deploy(dict.fromkeys(test.situation for test in supported if _has_workloads(test)))
    except UsageError as error:
        writer.drop()
        raise pytest.UsageError(str(error)) from None
    except KdcError as error:
        config.stash[ENDED_BY] = error.message.splitlines()[0]
        for test in tests:
            writer.add(unknown(test, str(error)))
        raise pytest.exit.Exception(f"could not judge: {error}", returncode=int(error.exit_code)) from None


def _has_workloads(test: Test) -> bool:
    """The situation of an upgrade is what was watched."""
    return catalogue()[test.requirement].profile is not Profile.UPGRADE


def unknown(test: Test, why: str) -> Result:
    """The result of a test that was never judged."""
    message = f"UNKNOWN {test.requirement}: {why.splitlines()[0]}"
    return Result(test.requirement, test.id, Verdict.UNKNOWN, message, why, time.time())
