"""An API server that takes a request and says nothing holds nobody for ever."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kube_dns_conformance import kube
from kube_dns_conformance.errors import ClusterError


def test_an_api_server_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube, "REQUEST_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api = _api(tmp_path, silent)
        with pytest.raises(ClusterError, match="cannot reach the API server"):
            api.get("v1", "Namespace", "default")
        with pytest.raises(ClusterError, match="cannot reach the API server"):
            api.version()


def test_an_api_server_that_is_busy_is_given_longer_than_one_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube, "CONNECT_SECONDS", 0.1)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as busy:

        def answer_at_last() -> None:
            connection, _ = busy.accept()
            time.sleep(0.5)
            connection.sendall(head + b'{"gitVersion": "v1.36.3"}')
            connection.close()

        with ThreadPoolExecutor() as pool:
            pool.submit(answer_at_last)
            assert _api(tmp_path, busy).version() == "1.36.3"


def _api(where: Path, server: socket.socket) -> kube.Kube:
    clusters = [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{server.getsockname()[1]}"}}]
    contexts = [{"name": "a", "context": {"cluster": "a", "user": "a"}}]
    config = {"clusters": clusters, "contexts": contexts, "users": [{"name": "a", "user": {}}]}
    (where / "config").write_text(json.dumps(config | {"current-context": "a"}))
    return kube.Kube(where / "config")
