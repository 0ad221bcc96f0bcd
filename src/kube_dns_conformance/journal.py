"""A file of JSON lines that is written as things happen, so that whoever is killed has told what it saw."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from kube_dns_conformance import redact
from kube_dns_conformance.errors import ReportError


class Journal:
    """Nothing secret gets past it."""

    def __init__(self, path: Path, *, go_on: bool = False, private: bool = False) -> None:
        """The file is begun anew, unless it shall ``go_on``; ``private`` is for this user alone. Raises ReportError."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if go_on else os.O_TRUNC)
            os.close(os.open(path, flags, 0o600 if private else 0o666))
        except OSError as error:
            raise unwritable(path, error) from None

    def add(self, kind: str, data: dict[str, Any]) -> None:
        """Append a line. Raises ReportError."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(redact.data({"kind": kind} | data)) + "\n")
        except OSError as error:
            raise unwritable(self._path, error) from None


def unwritable(path: Path, error: OSError) -> ReportError:
    """What is said of a report that cannot be written."""
    return ReportError(f"cannot write the report to {error.filename or path}: {error.strerror}")
