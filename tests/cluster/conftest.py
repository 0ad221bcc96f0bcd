"""A real embedded cluster for the tests of our own code."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import states
from cluster.commandline import CommandLine
from kube_dns_conformance.clusters import embedded, processes, store
from kube_dns_conformance.clusters.base import Cluster, IpFamily


@pytest.fixture(scope="session")
def sessions_states() -> Iterator[Path]:
    mine = states.take()
    yield mine
    states.end(mine)


@pytest.fixture
def command(tmp_path: Path, sessions_states: Path) -> Iterator[CommandLine]:
    made = CommandLine(tmp_path, Path(tempfile.mkdtemp(dir=sessions_states)))
    yield made
    made.end()
    for where in made.state.glob("clusters/[!.]*"):
        processes.stop_all(where)


@pytest.fixture(scope="session")
def cluster(sessions_states: Path) -> Iterator[Cluster]:
    """One embedded cluster with both address families for all tests that do not change it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("KDC_STATE", str(sessions_states / "session"))
    try:
        yield embedded.up("tests", embedded.Options(family=IpFamily.DUAL), keep=False)
    finally:
        store.end("tests")
        patch.undo()
