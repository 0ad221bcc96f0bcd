"""The folder of an upgrade: what each phase leaves for the next one, on whatever machine that runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kube_dns_conformance.errors import ReportError, UsageError

BEFORE, AFTER, WATCH = "before", "after", "watch.jsonl"


class Folder:
    """Only this user may look into it: it says much about a cluster."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def watch(self) -> Path:
        """What was seen, a line each."""
        return self.path / WATCH

    def report(self, phase: str) -> Path:
        """The report of the run before, or after."""
        return self.path / phase

    def make(self) -> None:
        """Raises ReportError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ReportError(f"cannot make {self.path}: {error.strerror}") from None

    def save(self, name: str, data: Any) -> None:
        """Whole or not at all. Raises ReportError."""
        path = self.path / f"{name}.json"
        new = path.with_suffix(".new")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(data, file)
            new.replace(path)
        except OSError as error:
            raise ReportError(f"cannot write {path}: {error.strerror}") from None

    def load(self, name: str) -> Any:
        """What `save` wrote. Raises UsageError when there is none, or something else."""
        path = self.path / f"{name}.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            phase = "verify" if name == AFTER else "baseline"
            raise UsageError(
                f"{self.path} has no {path.name}", f"kube-dns-conformance upgrade {phase} --state {self.path}"
            ) from None
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read {path}: {error}") from None

    def has(self, name: str) -> bool:
        """Whether `save` has written it."""
        return (self.path / f"{name}.json").exists()

    def forget(self, name: str) -> None:
        """It is needed no more."""
        (self.path / f"{name}.json").unlink(missing_ok=True)

    def lines(self) -> Iterator[dict[str, Any]]:
        """What was seen. A line that a killed watch did not end is left out. Raises UsageError when there is none."""
        try:
            text = self.watch.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            raise UsageError(
                f"{self.path} has no {WATCH}", f"kube-dns-conformance upgrade watch --state {self.path}"
            ) from None
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue
