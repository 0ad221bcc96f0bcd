"""Binaries that are on PATH already: used when right, passed over in silence when not."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.toolchain import Table, Toolchain, load_table

ROW = """
[demo]
version = "1.2.3"
megabytes = 1
binaries = { demo = ["--version"] }
release = { url = "http://127.0.0.1:PORT/{binary}", checksum = "{url}.sha256" }
go = { module = "example.invalid/demo", package = "example.invalid/demo", needs = "1.26.0", megabytes = 70 }
"""


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """One unit that cannot be downloaded."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = str(closed.getsockname()[1])
    file = tmp_path / "tools.toml"
    file.write_text(ROW.replace("PORT", port))
    return load_table(file)


def on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, *scripts: str) -> list[Path]:
    """Set PATH to as many directories as there are scripts, each holding one as ``demo``."""
    files = []
    for number, script in enumerate(scripts):
        file = folder / f"path{number}" / "demo"
        file.parent.mkdir()
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        files.append(file)
    monkeypatch.setenv("PATH", ":".join(str(file.parent) for file in files))
    return files


@pytest.mark.parametrize(
    "printed",
    [
        "demo version 1.2.3",
        "Demo v1.2.3",
        "CoreDNS-1.2.3\nlinux/amd64, go1.26.8,",
        "Client Version: v1.2.3\nKustomize Version: v5.8.1",
        "demo version v1.2.3 go1.26.8 (linux/amd64)",
    ],
)
def test_the_right_version_on_path_is_used(
    printed: str, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = on_path(monkeypatch, tmp_path, f"echo '{printed}'")
    assert Toolchain(cache=tmp_path / "cache", table=table).need("demo") == {"demo": file}
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo v1.2.4", "is version 1.2.4"),
        ("echo v1.2.30", "is version 1.2.30"),
        ("echo v1.2.3-rc.1", "is version 1.2.3-rc.1"),
        ("echo Kubernetes v1.2.3+k3s1", "is version 1.2.3+k3s1"),
        ("echo v1.2.3; exit 1", "did not print a version (exit code 1): v1.2.3"),
        ("echo broken >&2; exit 127", "did not print a version (exit code 127): broken"),
        ("true", "did not print a version (exit code 0): no output"),
    ],
)
def test_a_wrong_or_broken_one_is_passed_over_and_only_explained(
    script: str, reason: str, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = on_path(monkeypatch, tmp_path, script)
    toolchain = Toolchain(cache=tmp_path / "cache", table=table)
    with pytest.raises(ToolchainError) as caught:
        toolchain.need("demo")
    assert f"demo 1.2.3: {file} {reason}, passed over" in toolchain.explain().splitlines()
    assert str(file) not in str(caught.value)


def test_one_that_cannot_be_started_is_passed_over(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, right = on_path(monkeypatch, tmp_path, "echo", "echo 1.2.3")
    broken.write_text("#!/nonexistent/interpreter\n")
    assert Toolchain(cache=tmp_path / "cache", table=table).need("demo") == {"demo": right}


def test_a_right_one_behind_a_wrong_one_is_used(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, right = on_path(monkeypatch, tmp_path, "echo 1.2.2", "echo 1.2.3")
    assert Toolchain(cache=tmp_path / "cache", table=table).need("demo") == {"demo": right}


def test_a_file_that_path_leads_to_twice_is_asked_once(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (wrong,) = on_path(monkeypatch, tmp_path, f"echo >> {tmp_path}/asked; echo 1.2.2")
    (tmp_path / "link").symlink_to(wrong.parent)
    monkeypatch.setenv("PATH", f"{wrong.parent}:{tmp_path}/link:{wrong.parent}")
    with pytest.raises(ToolchainError):
        Toolchain(cache=tmp_path / "cache", table=table).need("demo")
    assert (tmp_path / "asked").read_text() == "\n"


def test_one_that_hangs_is_passed_over_and_ended_with_its_children(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kube_dns_conformance.toolchain.locate.VERSION_SECONDS", 0.5)
    _, right = on_path(
        monkeypatch, tmp_path, f"/bin/sleep 60 & echo $! > {tmp_path}/pid; wait; echo 1.2.3", "echo 1.2.3"
    )
    began = time.monotonic()
    assert Toolchain(cache=tmp_path / "cache", table=table).need("demo") == {"demo": right}
    assert time.monotonic() - began < 5
    assert ended(int((tmp_path / "pid").read_text()))


def ended(pid: int, *, within_seconds: float = 5) -> bool:
    """Whether the process is gone, or dead and only waits to be collected by its parent."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_one_that_reads_its_input_gets_none(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = on_path(monkeypatch, tmp_path, "read answer; echo 1.2.3")
    ours = os.dup(0)
    silent, held_open = os.pipe()
    os.dup2(silent, 0)  # a terminal at which nobody types
    try:
        assert Toolchain(cache=tmp_path / "cache", table=table).need("demo") == {"demo": file}
    finally:
        os.dup2(ours, 0)
        for descriptor in (ours, silent, held_open):
            os.close(descriptor)


def test_without_go_and_release_the_error_says_what_would_help(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch, tmp_path, "echo 1.2.2")
    with pytest.raises(ToolchainError) as caught:
        Toolchain(cache=tmp_path / "cache", table=table).need("demo")
    host = table["demo"].release.url.split("/")[2]
    assert caught.value.message == (
        f"demo 1.2.3 is not on this machine, its release cannot be had (no connection to {host} (ConnectionError)), "
        "and there is no go on PATH to build it"
    )
    assert caught.value.hint == (
        f"install Go >= 1.26.0, or put demo of version 1.2.3 on PATH, or allow access to {host}"
    )
