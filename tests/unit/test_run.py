"""A run on a kind cluster that somebody else made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kube_dns_conformance import redact
from kube_dns_conformance.chosen import Opened, Options
from kube_dns_conformance.clusters import kind
from kube_dns_conformance.clusters.base import Cluster, IpFamily
from kube_dns_conformance.errors import ClusterError, UsageError
from kube_dns_conformance.run import Run
from kube_dns_conformance.timings import Timings

SERVER = ("127.0.0.1:5300",)


@pytest.fixture(autouse=True)
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The engine has a cluster ``theirs``; returned are the names of those whose logs were saved."""
    names: list[str] = []
    cluster = Cluster("kind", "theirs", tmp_path / "kubeconfig", None, "cluster.local", (), frozenset())
    monkeypatch.setattr(kind, "is_foreign", lambda name: name == "theirs")
    monkeypatch.setattr(kind, "borrow", lambda _name, _directory: cluster)
    monkeypatch.setattr(kind, "save_logs", lambda name, _directory: names.append(name))
    return names


def run(**more: Any) -> Run:
    return Run(Options(provider="kind", cluster_name="theirs", dns_servers=SERVER, **more), Timings())


def test_the_logs_of_somebody_elses_workloads_are_not_saved(saved: list[str], tmp_path: Path) -> None:
    mine = run()
    assert mine.cluster.name == "theirs"
    mine.save_logs(tmp_path / "logs")
    assert saved == []
    mine.close()


def test_logs_that_are_not_complete_hold_no_secrets_either(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def half(_name: str, directory: Path) -> None:
        directory.mkdir()
        (directory / "kubelet.log").write_text("token: a-secret-of-12345\n")
        raise ClusterError("kind export logs failed: no crictl")

    redact.remember("a-secret-of-12345")
    cluster = Cluster("kind", "ours", tmp_path / "kubeconfig", None, "cluster.local", (), frozenset())
    monkeypatch.setattr("kube_dns_conformance.run.open_cluster", lambda *_: Opened(cluster, ours=True))
    monkeypatch.setattr(kind, "save_logs", half)
    mine = run()
    assert mine.cluster.name == "ours"
    mine.save_logs(tmp_path / "logs")
    assert "a-secret" not in (tmp_path / "logs" / "kubelet.log").read_text()
    assert capsys.readouterr().err == "the cluster's logs are not complete: kind export logs failed: no crictl\n"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"family": IpFamily.DUAL}, "--ip-family says what cluster to make, but somebody else made kind cluster"),
        ({"kind_image": "node:1"}, "--kind-image says"),
        ({"versions": {"kubernetes": "1.30.0"}}, "--tool-version says"),
        ({"family": IpFamily.IPV4, "kind_image": "node:1"}, "--ip-family and --kind-image say"),
    ],
)
def test_what_would_not_be_heeded_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"^{said}"):
        _ = run(**more).cluster
