"""The end of our own engine, while others still remove what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import engine, sandbox
from tools.command import ToolsError


class Docker:
    """Stands for the engine: the first ``busy`` times another removes what is to be removed."""

    def __init__(self, busy: float) -> None:
        self.busy = busy
        self.containers = ["one", "two"]

    def __call__(self, *words: str) -> str:
        if words[0] == "ps":
            return "\n".join(self.containers)
        if words[0] == "rm" and self.busy:
            self.busy -= 1
            self.containers = self.containers[1:] or self.containers
            raise ToolsError("removal of container one is already in progress")
        if words[0] == "rm":
            assert words[-len(self.containers) :] == tuple(self.containers)
            self.containers = []
        return ""


@pytest.fixture(autouse=True)
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "init_pid", lambda _: 1)
    monkeypatch.setattr(sandbox, "answers", lambda _: True)
    monkeypatch.setattr(sandbox, "stop", lambda _: None)
    monkeypatch.setattr(engine, "PAUSE_SECONDS", 0.0)


def test_what_somebody_else_removes_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    docker = Docker(3)
    monkeypatch.setattr(engine, "docker", docker)
    engine._end(tmp_path)
    assert docker.containers == []


def test_what_cannot_be_removed_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engine, "docker", Docker(float("inf")))
    monkeypatch.setattr(engine, "REMOVAL_SECONDS", 0.05)
    with pytest.raises(ToolsError, match="already in progress"):
        engine._end(tmp_path)
