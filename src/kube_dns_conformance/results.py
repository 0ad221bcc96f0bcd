"""``results.jsonl``: the one place where verdicts are kept, and the only source of every report.

One JSON object a line: first the run (once more when its cluster is known), then a result as soon as it is judged,
last the end. A run that was killed has no end, and says by that that it is partial.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from kube_dns_conformance import redact
from kube_dns_conformance.errors import ExitCode, ReportError, UsageError

SCHEMA = 1
FILE = "results.jsonl"
BEGINNING = '{"kind": "run", '
REPORTS = ("index.html", "conformance.yaml", "summary.md", "junit.xml", "metrics.prom", "allure-results")
"""What is made from it, beside it."""


class Verdict(StrEnum):
    """What is known about a requirement. Ordered from the worst to the best when several tests judge it."""

    NONCONFORMANT = "nonconformant"
    UNKNOWN = "unknown"
    CONFORMANT = "conformant"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"
    NOT_RUN = "not run"

    @classmethod
    def bad(cls) -> tuple[Verdict, Verdict]:
        """The verdicts that somebody has to look into."""
        return cls.NONCONFORMANT, cls.UNKNOWN


@dataclass(frozen=True)
class Result:
    """One test's verdict. ``message`` is one line; ``detail`` the whole text; ``started`` in epoch seconds."""

    requirement: str
    test: str
    verdict: Verdict
    message: str = ""
    detail: str = ""
    started: float = 0.0
    seconds: float = 0.0
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass
class Results:
    """A whole ``results.jsonl``: ``run`` is its first line, ``complete`` that the run reached its end.

    ``ended_by`` is what ended it before, in one line, where that is known; ``finished`` when (epoch seconds), or 0.
    """

    run: dict[str, Any]
    results: list[Result]
    complete: bool = False
    ended_by: str = ""
    finished: float = 0.0

    def not_run(self) -> list[Result]:
        """A result for every test that was selected and not reached."""
        judged = {result.test for result in self.results}
        selected: dict[str, str] = self.run.get("selected", {})
        why = "the run ended before this test" + (f": {self.ended_by}" if self.ended_by else "")
        return [Result(name, test, Verdict.NOT_RUN, why) for test, name in selected.items() if test not in judged]

    def by_requirement(self) -> dict[str, Verdict]:
        """The verdict on every requirement that was selected, the worst one first when several tests judged it."""
        order = list(Verdict)
        verdicts: dict[str, Verdict] = {}
        for result in self.results:
            known = verdicts.get(result.requirement, Verdict.NOT_RUN)
            verdicts[result.requirement] = min(known, result.verdict, key=order.index)
        selected: dict[str, str] = self.run.get("selected", {})
        for missing in self.not_run():
            # A requirement of which one test is missing was not judged, unless something bad is known about it.
            if verdicts.get(missing.requirement) not in Verdict.bad():
                verdicts[missing.requirement] = Verdict.NOT_RUN
        return {one: verdicts[one] for one in dict.fromkeys(selected.values()) if one in verdicts} or verdicts

    def has_bad(self) -> bool:
        """Whether there is anything that somebody has to look into."""
        return any(result.verdict in Verdict.bad() for result in self.results)

    def counts(self) -> str:
        """``1 nonconformant, 17 conformant``: the verdicts on the requirements, the worst first."""
        found = Counter(self.by_requirement().values())
        return ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict if found[verdict])

    def exit_code(self) -> ExitCode:
        """1 when anything is nonconformant; else 3 when anything could not be judged, or nothing was; else 0."""
        verdicts = set(self.by_requirement().values())
        if Verdict.NONCONFORMANT in verdicts:
            return ExitCode.NONCONFORMANT
        if {Verdict.UNKNOWN, Verdict.NOT_RUN} & verdicts or Verdict.CONFORMANT not in verdicts or not self.complete:
            return ExitCode.COULD_NOT_JUDGE
        return ExitCode.CONFORMANT

    def outcome(self) -> str:
        """``success``, ``partial`` (something was not judged) or ``failure``."""
        code = self.exit_code()
        return {ExitCode.CONFORMANT: "success", ExitCode.NONCONFORMANT: "failure"}.get(code, "partial")


class Writer:
    """Appends to ``results.jsonl``, a line at a time, and tells whoever listens. Nothing secret gets past it."""

    def __init__(self, directory: Path | None) -> None:
        """``directory`` is made; the report of an earlier run in it is deleted. None: in memory only.

        Raises UsageError when it cannot be written to, or holds a report that is not ours.
        """
        self.results = Results({}, [])
        self.listeners: list[Callable[[Result], None]] = []
        self._path = directory / FILE if directory else None
        self._made: list[Path] = []
        if self._path:
            # From the innermost on, so that what only this run needed can be taken away again.
            self._made = [one for one in self._path.parents if not one.exists()]
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                _clear(self._path.parent)
                self._path.write_text("")
            except OSError as error:
                raise UsageError(f"cannot write the report to {directory}: {error.strerror}") from None

    def begin(self, run: dict[str, Any]) -> None:
        """Write the first line: what is judged, with which limits; and once more with the cluster, when it is known."""
        self.results.run = {"schema": SCHEMA, **redact.data(run)}
        self._append({"kind": "run", **self.results.run})

    def drop(self) -> None:
        """There is no run after all: nothing is kept, and no directory that was made for it."""
        self.results.run, self.results.results = {}, []
        if self._path:
            with suppress(OSError):
                self._path.unlink()
                for one in self._made:
                    one.rmdir()

    def add(self, result: Result) -> None:
        """Write one result."""
        message, detail = redact.text(result.message), redact.text(result.detail)
        result = replace(result, message=message, detail=detail, evidence=redact.data(result.evidence))
        self.results.results.append(result)
        self._append({"kind": "result", **vars(result)})
        for listener in self.listeners:
            listener(result)

    def end(self, finished: float, *, interrupted: bool, ended_by: str = "") -> None:
        """Write the last line. ``finished`` is in epoch seconds, ``ended_by`` what interrupted it, in one line."""
        self.results.complete, self.results.ended_by = not interrupted, redact.text(ended_by)
        self.results.finished = round(finished, 3)
        line = {"finished": self.results.finished, "interrupted": interrupted, "ended_by": self.results.ended_by}
        self._append({"kind": "end", **line})

    def _append(self, line: dict[str, Any]) -> None:
        if not self._path:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise ReportError(f"cannot write the report to {self._path.parent}: {error.strerror}") from None


def _clear(directory: Path) -> None:
    """Delete an earlier report of ours. Raises UsageError for one that is not ours, OSError when it stays."""
    path = directory / FILE
    found = [directory / name for name in REPORTS if _holds_something(directory / name)]
    foreign = found if not path.exists() else [] if _is_ours(path) else [path]
    if foreign:
        raise UsageError(f"{foreign[0]} is no report of ours, and would be lost", "choose another --report-dir")
    for one in found:
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            one.unlink()


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _is_ours(path: Path) -> bool:
    """Whether it begins as a run does; a run that was killed at once leaves an empty file."""
    if not path.is_file():  # a device: nothing to be lost
        return True
    with path.open(encoding="utf-8", errors="replace") as file:
        return (file.read(len(BEGINNING)) or BEGINNING) == BEGINNING


def read(directory: Path) -> Results:
    """Read a report directory. Raises UsageError when there is none; a line that was cut off is left out."""
    path = directory / FILE
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    found = _parse(_objects(lines))
    if found.run.get("schema", SCHEMA) != SCHEMA:
        raise UsageError(f"{path} has schema {found.run['schema']}, this version reads {SCHEMA}")
    return found


def _parse(objects: Iterable[dict[str, Any]]) -> Results:
    found = Results({}, [])
    for line in objects:
        kind = line.pop("kind", None)
        if kind == "run":
            found.run = line
        elif kind == "result":
            found.results.append(Result(**line | {"verdict": Verdict(line["verdict"])}))
        elif kind == "end":
            found.complete, found.ended_by = not line["interrupted"], line.get("ended_by", "")
            found.finished = line["finished"]
    return found


def _objects(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            return  # the process was killed while it wrote this line
        if not isinstance(found, dict):
            return
        yield found
