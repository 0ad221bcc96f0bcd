"""``watch.jsonl``: a head, every line of the timeline as it ends, what the objects said, an end. And a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kube_dns_conformance.journal import Journal, unwritable
from kube_dns_conformance.reports.picture import picture

FILE, PICTURE = "watch.jsonl", "watch.svg"
LINES_DRAWN = 20_000


class Report:
    """Written line by line, so that a killed watch has told what it saw."""

    def __init__(self, directory: str) -> None:
        """Empty: no report. Raises ReportError."""
        self._directory = Path(directory) if directory else None
        self._drawn: list[dict[str, Any]] = []
        self._marks: list[dict[str, Any]] = []
        if self._directory:
            self._journal = Journal(self._directory / FILE)
            try:
                (self._directory / PICTURE).unlink(missing_ok=True)
            except OSError as error:
                raise unwritable(self._directory, error) from None

    def begin(self, head: dict[str, Any]) -> None:
        """What is watched."""
        self.add("watch", head)

    def add(self, kind: str, data: dict[str, Any]) -> None:
        """Append a line. Raises ReportError."""
        if not self._directory:
            return
        if kind == "seen" and len(self._drawn) < LINES_DRAWN:
            self._drawn.append(data)
        if kind == "truth" and len(self._marks) < LINES_DRAWN:
            self._marks.append({"at": data["at"], "kind": data["type"], "name": data["name"], "what": data["says"]})
        self._journal.add(kind, data)

    def end(self, outcome: dict[str, Any]) -> None:
        """What came of it, and the picture."""
        self.add("end", outcome)
        drawn = picture({"timeline": self._drawn, "events": self._marks, "observers": outcome["observers"]})
        if self._directory and drawn:
            try:
                (self._directory / PICTURE).write_text(drawn, encoding="utf-8")
            except OSError as error:
                raise unwritable(self._directory, error) from None
