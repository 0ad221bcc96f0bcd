"""Fixtures for the tests of releases and of the cache they end up in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kube_dns_conformance.toolchain import Toolchain, release
from release_host import Host, table_in


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that was closed in one test may be a release host's in the next."""
    monkeypatch.setattr(release, "_unreachable", {})


@pytest.fixture
def host() -> Iterator[Host]:
    running = Host()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_go_and_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing on PATH and no proxy, so that each test knows which way a unit can come."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def use(tmp_path: Path, host: Host) -> Callable[[str], Toolchain]:
    """A toolchain over a table of the test's own, with the cache in ``tmp_path / "cache"``."""

    def toolchain(row: str) -> Toolchain:
        return Toolchain(cache=tmp_path / "cache", table=table_in(tmp_path, row, host.base))

    return toolchain
