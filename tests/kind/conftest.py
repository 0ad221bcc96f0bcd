"""A real kind cluster for the tests of our own code: ``python -m tools.on_kind pytest tests/kind``."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.commandline import ROOT, CommandLine
from documents import commands_in
from kind.bad_upgrades import rollout, scale
from kind.roles import permitted
from kube_dns_conformance.clusters import engine, kind, store
from kube_dns_conformance.clusters.base import Cluster, IpFamily
from kube_dns_conformance.errors import KdcError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.results import Result, Results, Verdict, read
from kube_dns_conformance.toolchain import Toolchain
from tools import image_base
from tools.command import run, why_not_here

TAG = "kube-dns-conformance:0.1.0"
REMOTE_TAG = f"registry.example/{TAG}"
KEPT = (("Service", "kube-dns"), ("ConfigMap", "coredns"))
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


@pytest.fixture(scope="session")
def image(cluster: Cluster) -> str:
    """On the workers, built by the command that examples/Dockerfile names.

    Where nothing can be pulled, that is on what `tools.image_base` has made.
    """
    local: list[str] = []
    if not why_not_here():
        run([engine.program(), "load", f"--input={image_base.provide()}"])
        local = [f"BASE={image_base.NAME}", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels"]
    _, build, *words = next(commands_in(ROOT / "examples" / "Dockerfile"))
    subprocess.run(
        [engine.program(), build, *(f"--build-arg={one}" for one in local), *words], cwd=ROOT, check=True, timeout=600
    )
    run([engine.program(), "tag", TAG, REMOTE_TAG])
    load(cluster, f"{cluster.name}-worker,{cluster.name}-worker2")
    return TAG


@pytest.fixture
def image_everywhere(cluster: Cluster, image: str) -> str:
    """The same on the control plane too."""
    load(cluster, f"{cluster.name}-control-plane")
    return image


def load(cluster: Cluster, nodes: str) -> None:
    program = str(Toolchain().need("kind")["kind"])
    run([program, "load", "docker-image", REMOTE_TAG, f"--name={cluster.name}", f"--nodes={nodes}"])


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> list[str]:
    """The administrator's, for what is in kube-system."""
    return [
        str(Toolchain().need("kubectl")["kubectl"]),
        f"--kubeconfig={cluster.kubeconfig}",
        "--namespace=kube-system",
    ]


@pytest.fixture
def restored(cluster: Cluster, kubectl: list[str]) -> Iterator[None]:
    """DNS is as it was before, whatever a test has made of it."""
    kube = Kube(cluster.kubeconfig)
    service, config = (kube.get("v1", kind, name, "kube-system") for kind, name in KEPT)
    yield
    now_is = kube.get("v1", "Service", "kube-dns", "kube-system")
    if now_is["spec"]["clusterIP"] != service["spec"]["clusterIP"]:
        kube.delete({"apiVersion": "v1", "kind": "Service", "metadata": now_is["metadata"]})
        for one in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
            service["metadata"].pop(one, None)
        kube.apply({"apiVersion": "v1", "kind": "Service", **service})
    kube.delete({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "left-behind", "namespace": "kube-system"}})
    kube.patch({"apiVersion": "v1", "kind": "ConfigMap", "metadata": config["metadata"]}, {"data": config["data"]})
    for command in (*scale(kubectl, 2), *rollout(kubectl)):
        subprocess.run(command, check=True, capture_output=True)


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
