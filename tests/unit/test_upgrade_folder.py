"""What a phase leaves for the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.upgrade.folder import Folder


def test_what_is_kept_is_for_this_user_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "made" / "up")
    folder.make()
    folder.save("before", {"zone": "cluster.local"})
    assert folder.load("before") == {"zone": "cluster.local"}
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert (folder.path / "before.json").stat().st_mode & 0o777 == 0o600
    assert [one.name for one in folder.path.iterdir()] == ["before.json"]


@pytest.mark.parametrize(("name", "phase"), [("before", "baseline"), ("after", "verify")])
def test_a_phase_that_is_missing_is_named(tmp_path: Path, name: str, phase: str) -> None:
    with pytest.raises(UsageError) as caught:
        Folder(tmp_path).load(name)
    assert caught.value.message == f"{tmp_path} has no {name}.json"
    assert caught.value.hint == f"kube-dns-conformance upgrade {phase} --state {tmp_path}"


def test_a_line_that_a_killed_watch_did_not_end_is_left_out(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.watch.write_text('{"kind": "watch"}\n{"kind": "seen", "na')
    assert list(folder.lines()) == [{"kind": "watch"}]


def test_without_a_watch_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        next(Folder(tmp_path).lines())
    assert caught.value.message == f"{tmp_path} has no watch.jsonl"
