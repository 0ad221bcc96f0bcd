"""What `run` shows of what went wrong in the suite itself."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from kube_dns_conformance.console import Reporter
from kube_dns_conformance.errors import ReportError


def shown(error: Exception) -> list[str]:
    output = io.StringIO()
    reporter = Reporter(Console(file=output, soft_wrap=True))
    with pytest.raises(type(error)) as caught:
        raise error
    assert reporter.pytest_internalerror("a long story", caught)
    reporter.finish("")
    return output.getvalue().splitlines()


def test_a_bug_of_ours_is_one_line_and_a_file_with_the_details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    lines = shown(KeyError("x"))
    (details,) = tmp_path.iterdir()
    assert lines == [f"a bug of ours: KeyError: 'x' (details in {details})"]
    assert details.read_text() == "a long story"


def test_a_foreseen_error_needs_no_details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert shown(ReportError("cannot write")) == ["cannot write"]
    assert list(tmp_path.iterdir()) == []


def test_without_an_api_server_each_requirement_is_told_once(tmp_path: Path) -> None:
    server = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    user = {"name": "u", "user": {"token": "x"}}
    config = {"clusters": [server], "contexts": [context], "users": [user], "current-context": "c"}
    (tmp_path / "kubeconfig").write_text(json.dumps({"apiVersion": "v1", "kind": "Config"} | config))
    where = ["--cluster=existing", "--kubeconfig=kubeconfig", "--dns-server=127.0.0.1:5"]
    command = [sys.executable, "-m", "kube_dns_conformance", "run", *where, "--requirement=clusterip.address.*"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert done.stdout.count("clusterip.address.ipv4") == 1
    assert done.stdout.count("cannot reach the API server at https://127.0.0.1:1") == 1
