"""What a kubeadm upgrade asks of a cluster whose API server comes and goes meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools import kubeadm_upgrade
from tools.command import ToolsError

NEW = """Error from server (Forbidden): nodes "worker" is forbidden: User "kubernetes-admin" cannot get resource"""
AWAY = "docker exec node kubectl … ended with status 1: The connection to the server 172.18.0.2:6443 was refused"


def answering(monkeypatch: pytest.MonkeyPatch, *answers: str) -> Iterator[str]:
    """A node that answers so, one after the other, and fails with each that is no word of its own."""
    left = iter(answers)

    def run_in(node: str, *words: str) -> str:
        assert (node, *words) == ("node", "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "uncordon", "worker")
        if (answer := next(left)) != "done":
            raise ToolsError(answer)
        return answer

    monkeypatch.setattr(kubeadm_upgrade, "run_in", run_in)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return left


def test_an_api_server_that_is_started_anew_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left = answering(monkeypatch, AWAY, "error: net/http: TLS handshake timeout", NEW, "done")
    assert kubeadm_upgrade.kubectl_in("node", "uncordon", "worker") == "done"
    assert list(left) == []


def test_what_it_refuses_is_not_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    left = answering(monkeypatch, 'nodes "worker" not found', "done")
    with pytest.raises(ToolsError, match="not found"):
        kubeadm_upgrade.kubectl_in("node", "uncordon", "worker")
    assert list(left) == ["done"]


def test_one_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubeadm_upgrade, "AWAY_SECONDS", -1.0)
    answering(monkeypatch, AWAY)
    with pytest.raises(ToolsError, match="was refused"):
        kubeadm_upgrade.kubectl_in("node", "uncordon", "worker")
