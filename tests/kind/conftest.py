"""A real kind cluster for the tests of our own code: ``python -m tools.on_kind pytest tests/kind``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.commandline import CommandLine
from kind.roles import permitted
from kube_dns_conformance.clusters import engine, kind, store
from kube_dns_conformance.clusters.base import Cluster, IpFamily
from kube_dns_conformance.errors import KdcError
from kube_dns_conformance.results import Result, Results, Verdict, read

IMAGE = os.environ.get("KDC_KIND_IMAGE", "")
NAME = f"tests-{os.getpid()}"  # others may make clusters on the same engine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    if mine and not engine.answers():
        for item in mine:
            item.add_marker(pytest.mark.skip(reason="no container engine answers"))


@pytest.fixture(scope="session")
def state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kdc-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def cluster(state: Path) -> Iterator[Cluster]:
    """One kind cluster with both address families for all tests; kept, so that commands can use it by its name."""
    patch = pytest.MonkeyPatch()
    patch.setenv("KDC_STATE", str(state))
    try:
        yield kind.up(NAME, kind.Options(family=IpFamily.DUAL, image=IMAGE), keep=True)
    finally:
        if store.load(store.directory(NAME)).exists:
            store.down(NAME)
        patch.undo()


@pytest.fixture(scope="session")
def everything(cluster: Cluster, state: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What all suites say of the cluster, in several processes, asked by somebody with the smallest roles."""
    made = CommandLine(tmp_path_factory.mktemp("everything"), state, _variables())
    with permitted(cluster, made.directory, "run", "disruptive") as limited:
        where = ["--cluster=existing", f"--kubeconfig={limited.kubeconfig}", "--allow-disruptive"]
        done = made.suites("-n", "3", *where, timeout=600)
    assert done.returncode == 0, "\n".join([*(one.detail for one in _bad(made)), done.stdout, done.stderr])
    return read(made.directory / "report")


@pytest.fixture
def command(tmp_path: Path, state: Path) -> Iterator[CommandLine]:
    """The command line of whoever made the cluster."""
    made = CommandLine(tmp_path, state, _variables())
    yield made
    made.end()


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[CommandLine]:
    """The command line of somebody else on the same engine."""
    with tempfile.TemporaryDirectory(prefix="kdc-") as folder:
        made = CommandLine(tmp_path, Path(folder), _variables())
        yield made
        made.end()
        made("cluster", "down", "--all")


def _bad(made: CommandLine) -> list[Result]:
    """What to tell first: of a long output both ends may be all that is kept."""
    try:
        results = read(made.directory / "report").results
    except KdcError:
        return []
    return [one for one in results if one.verdict in {Verdict.NONCONFORMANT, Verdict.UNKNOWN}]


def _variables() -> dict[str, str]:
    images = {name: text for name, text in os.environ.items() if name.endswith("_IMAGE") and name.startswith("KDC_")}
    return images | {"KDC_CLUSTER": "kind"}
