"""Release files from a server of our own: used when their checksum is right, and never otherwise."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.toolchain import Toolchain
from release_host import DEMO, HELPER, PLAIN, Host, finished, publish_plain, sha256, table_in, unfinished


def test_a_release_with_the_right_checksum_is_used(host: Host, use: Callable[[str], Toolchain], tmp_path: Path) -> None:
    publish_plain(host)
    found = use(PLAIN).need("helper", "demo")
    assert list(found) == ["helper", "demo"]
    assert found["demo"].read_bytes() == DEMO
    assert subprocess.check_output([found["helper"]], text=True) == "helper v1.2.3\n"
    assert [found["demo"].parent] == finished(tmp_path)
    assert unfinished(tmp_path) == []


def test_the_origin_of_a_unit_is_written_beside_it(host: Host, use: Callable[[str], Toolchain]) -> None:
    publish_plain(host)
    origin = json.loads((use(PLAIN).need("demo")["demo"].parent / "origin.json").read_text())
    del origin["made"]
    assert origin == {
        "unit": "demo",
        "version": "1.2.3",
        "source": {"release": [f"{host.base}/v1.2.3/demo", f"{host.base}/v1.2.3/helper"]},
        "binaries": {
            "demo": {"sha256": sha256(DEMO), "bytes": 27},
            "helper": {"sha256": sha256(HELPER), "bytes": 29},
        },
    }


def test_a_wrong_checksum_is_an_error_that_names_file_expected_and_got(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_plain(host)
    host.files["/v1.2.3/helper"] = b"something else"
    with pytest.raises(ToolchainError) as caught:
        use(PLAIN).need("demo")
    assert caught.value.message == (
        f"{host.base}/v1.2.3/helper is not what its checksum says: "
        f"expected sha256 {sha256(HELPER)}, got {sha256(b'something else')}"
    )
    assert (finished(tmp_path), unfinished(tmp_path)) == ([], [])


def test_a_wrong_checksum_never_leads_to_a_build(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(f"#!/bin/sh\necho asked > {tmp_path}/go-was-asked\nexit 1\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(go.parent))
    publish_plain(host)
    host.files["/v1.2.3/demo"] = b"something else"
    with pytest.raises(ToolchainError, match="is not what its checksum says"):
        use(PLAIN).need("demo")
    assert not (tmp_path / "go-was-asked").exists()


@pytest.mark.parametrize("missing", ["/v1.2.3/helper", "/v1.2.3/helper.sha256"])
def test_a_file_that_is_not_published_leads_to_the_next_way(
    missing: str, host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_plain(host)
    del host.files[missing]
    with pytest.raises(ToolchainError) as caught:
        use(PLAIN).need("demo")
    assert f"its release cannot be had ({host.base}{missing} answers 404)" in caught.value.message
    assert "there is no go on PATH" in caught.value.message
    assert (finished(tmp_path), unfinished(tmp_path)) == ([], [])


@pytest.mark.parametrize("sums", [b"", b"<html>please log in</html>", b"abc123  demo", b"0" * 64 + b"  other"])
def test_a_file_without_a_published_checksum_is_not_even_downloaded(
    sums: bytes, host: Host, use: Callable[[str], Toolchain]
) -> None:
    publish_plain(host)
    host.files["/v1.2.3/demo.sha256"] = sums
    with pytest.raises(ToolchainError, match=r"/v1\.2\.3/demo\.sha256 has no sha256 of demo"):
        use(PLAIN).need("demo")
    assert host.asked == ["/v1.2.3/demo.sha256"]


def test_a_binary_that_says_another_version_than_its_release_is_refused(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_plain(host)
    host.publish("/v1.2.3/demo", b"#!/bin/sh\necho demo v1.2.2\n")
    with pytest.raises(ToolchainError, match=r"demo was made for demo 1\.2\.3, but is version 1\.2\.2"):
        use(PLAIN).need("demo")
    assert finished(tmp_path) == []


def test_an_unreachable_host_is_asked_only_once(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    toolchain = Toolchain(cache=tmp_path / "cache", table=table_in(tmp_path, PLAIN, f"http://127.0.0.1:{port}"))
    with pytest.raises(ToolchainError, match=f"no connection to 127.0.0.1:{port}"):
        toolchain.need("demo")
    late = Host(port)
    try:
        publish_plain(late)
        with pytest.raises(ToolchainError, match=f"no connection to 127.0.0.1:{port}"):
            toolchain.need("demo")
        assert late.asked == []
    finally:
        late.stop()
