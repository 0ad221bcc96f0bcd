"""A real embedded cluster for the tests of our own code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.commandline import CommandLine
from kube_dns_conformance.clusters import embedded, processes, store
from kube_dns_conformance.clusters.base import Cluster, IpFamily


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("cluster")


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    made = CommandLine(tmp_path)
    yield made
    clusters = tmp_path / "state" / "clusters"
    for where in clusters.iterdir() if clusters.is_dir() else []:
        processes.stop_all(where)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One embedded cluster with both address families for all tests that do not change it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("KDC_STATE", str(tmp_path_factory.mktemp("state")))
    try:
        yield embedded.up("tests", embedded.Options(family=IpFamily.DUAL), keep=False)
    finally:
        store.end("tests")
        patch.undo()
