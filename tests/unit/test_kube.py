"""An API server that takes a request and says nothing holds nobody for ever."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from kube_dns_conformance import kube
from kube_dns_conformance.errors import ClusterError


def test_an_api_server_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube, "REQUEST_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        clusters = [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{silent.getsockname()[1]}"}}]
        contexts = [{"name": "a", "context": {"cluster": "a", "user": "a"}}]
        config = {"clusters": clusters, "contexts": contexts, "users": [{"name": "a", "user": {}}]}
        (tmp_path / "config").write_text(json.dumps(config | {"current-context": "a"}))
        api = kube.Kube(tmp_path / "config")
        with pytest.raises(ClusterError, match="cannot reach the API server"):
            api.get("v1", "Namespace", "default")
