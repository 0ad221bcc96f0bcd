"""What an audit found, in words, and its report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kube_dns_conformance import redact
from kube_dns_conformance.dns.compare import Difference
from kube_dns_conformance.dns.model import Answer, repeat_command
from kube_dns_conformance.errors import ExitCode
from kube_dns_conformance.journal import Journal, unwritable
from kube_dns_conformance.judge import Mismatch
from kube_dns_conformance.promises import Key, Promise

CLAUSES = {
    "2.3.1": "clusterip.address",
    "2.3.2": "clusterip.srv",
    "2.3.3": "clusterip.ptr",
    "2.4.1": "headless.address",
    "2.4.2": "headless.srv",
    "2.4.3": "headless.ptr",
    "2.5": "externalname.cname",
    "2.6": "pod.address",
}
"""What the sections are about, as the catalogue's requirements begin."""
RECORDS_SAID = 3
FILE, SUMMARY = "audit.jsonl", "summary.md"


@dataclass(frozen=True)
class Finding:
    """One name and type that is answered wrong without an excuse. ``text`` has a first line complete in itself."""

    key: Key
    section: str
    text: str
    answers: list[dict[str, Any]] = field(repr=False)

    @property
    def message(self) -> str:
        """The first line."""
        return self.text.partition("\n")[0]

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        name = {"name": self.key.name, "type": self.key.rdtype, "section": self.section}
        return name | {"message": self.message, "detail": self.text, "answers": self.answers}


@dataclass
class Outcome:
    """What came of an audit: how many names by section and type, what is wrong, and what could not be judged.

    ``questions`` is how often servers were asked, ``sent_twice`` how many of them were overdue and went once more,
    ``seconds`` how long each part of it took. ``services`` of ``all_services`` were selected, ``skipped`` is why what
    else they promise was not asked, ``pods_refused`` why that of Pods was not. ``incomplete`` has a line for whatever
    else keeps it from being all.
    """

    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    unknown: dict[Key, str] = field(default_factory=dict)
    gone: int = 0
    again: int = 0
    questions: int = 0
    sent_twice: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    services: int = 0
    all_services: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    pods_refused: str = ""
    incomplete: list[str] = field(default_factory=list)

    @contextmanager
    def spent_on(self, part: str) -> Iterator[None]:
        """How long the block takes is that part's."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.monotonic() - began

    def exit_code(self) -> ExitCode:
        """As of `run`."""
        if self.findings:
            return ExitCode.NONCONFORMANT
        is_partial = self.unknown or self.incomplete or not self.asked
        return ExitCode.COULD_NOT_JUDGE if is_partial else ExitCode.CONFORMANT

    def word(self) -> str:
        """The exit code in a word."""
        words = {ExitCode.NONCONFORMANT: "nonconformant", ExitCode.CONFORMANT: "conformant"}
        return words.get(self.exit_code(), "could not judge")

    def table(self) -> list[tuple[str, str, str, int, int]]:
        """Section, what it is about, record type, how many names were asked and how many are wrong."""
        wrong = Counter((one.section, one.key.rdtype) for one in self.findings)
        return [(*key[:1], CLAUSES[key[0]], key[1], count, wrong[key]) for key, count in sorted(self.asked.items())]

    def sentence(self) -> str:
        """What was asked and what is wrong, in one line."""
        parts = [f"{sum(self.asked.values())} names and types, {len(self.findings)} wrong"]
        parts += [f"{len(self.unknown)} unknown"] if self.unknown else []
        parts += ["some not audited"] if self.incomplete else []
        parts += [f"{self.again} asked again"] if self.again else []
        return ", ".join(parts)

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        rows = [dict(zip(("section", "clause", "type", "names", "wrong"), row, strict=True)) for row in self.table()]
        return {
            "outcome": self.word(),
            "records": rows,
            "questions": self.questions,
            "sent_twice": self.sent_twice,
            "seconds_spent": {part: round(seconds, 2) for part, seconds in self.seconds.items()},
            "asked_again": self.again,
            "gone_meanwhile": self.gone,
            "unknown": {f"{key.name} {key.rdtype}": why for key, why in self.unknown.items()},
            "incomplete": self.incomplete,
            "differences": [one.as_data() for one in self.findings],
        }


def finding(key: Key, promise: Promise, wrong: Sequence[Mismatch], when: str, where: tuple[str, str]) -> Finding:
    """``when`` it was so, and ``where``: the vantage and the zone."""
    vantage, zone = where
    worst, answer = wrong[0], wrong[0].answer
    head = f"NONCONFORMANT {CLAUSES[promise.section]} ({promise.section}, MUST)"
    about = key.name.removesuffix(f".svc.{zone}.")
    servers = ", ".join(dict.fromkeys(one.answer.server.name for one in wrong))
    text = [
        f"{head}: {about} {key.rdtype} {_said(worst, promise)}",
        f"  asked     {answer.question} → {answer.server}/{answer.transport} ({answer.server.name}) from {vantage}",
        f"  when      {when}",
        f"  expected  {worst.expected}",
        f"  got       {answer.said()}   (so at {servers})",
        f"  because   {_because(promise)}",
        f"  repeat    {repeat_command(answer.question, answer.server, answer.transport)}",
    ]
    evidence = [
        {"expected": str(one.expected), "differs": str(one.difference), **one.answer.as_data()} for one in wrong
    ]
    return Finding(key, promise.section, "\n".join(text), evidence)


def _said(one: Mismatch, promise: Promise) -> str:
    found: Difference = one.difference
    answer: Answer = one.answer
    if answer.problem is not None:
        return f"is not answered by {answer.server.name}: {answer.problem}"
    if answer.truncated:
        return "is answered with a truncated message, even over TCP"
    parts = [f"is answered with {found.instead}"] if found.instead else []
    for word, values in (("lacks", found.missing), ("must not have", found.extra), ("repeats", found.repeated)):
        if values:
            parts.append(f"{word} {_some(values, promise)}")
    return ", ".join(parts)


def _some(values: Iterable[str], promise: Promise) -> str:
    listed = list(values)
    said = []
    for value in listed[:RECORDS_SAID]:
        known = next((some[value] for some in (promise.must, promise.must_not, promise.may) if value in some), None)
        said.append(f"{value} ({known})" if known else value)
    return " ".join(said) + (f" and {len(listed) - RECORDS_SAID} more" if len(listed) > RECORDS_SAID else "")


def _because(promise: Promise) -> str:
    whys = [*promise.must.values(), *(why for _, why in promise.choices), *promise.must_not.values()]
    said = list(dict.fromkeys(map(str, whys))) or [
        "no endpoint is ready" if promise.section == "2.4.1" else "no address"
    ]
    return ", ".join(said[:RECORDS_SAID]) + (
        f" and {len(said) - RECORDS_SAID} more" if len(said) > RECORDS_SAID else ""
    )


class Report:
    """``audit.jsonl``: a head, a line for each difference as it is found, and an end, without which it is partial."""

    def __init__(self, directory: str) -> None:
        """Empty: no report. Raises ReportError."""
        self.directory = Path(directory) if directory else None
        if self.directory is not None:
            self._journal = Journal(self.directory / FILE)
            try:
                (self.directory / SUMMARY).unlink(missing_ok=True)
            except OSError as error:
                raise unwritable(self.directory, error) from None

    def add(self, kind: str, data: dict[str, Any]) -> None:
        """Append a line."""
        if self.directory is not None:
            self._journal.add(kind, data)

    def summarise(self, head: Iterable[str], outcome: Outcome) -> None:
        """Write ``summary.md``."""
        if self.directory is None:
            return
        rows = ["| section | clause | type | names | wrong |", "|---|---|---|---:|---:|"]
        rows += [f"| {' | '.join(map(str, row))} |" for row in outcome.table()]
        details = [f"```\n{one.text.replace('```', '')}\n```" for one in outcome.findings]
        unknown = [f"- unknown: {key.name} {key.rdtype}: {why}" for key, why in outcome.unknown.items()]
        unknown += [f"- unknown: {why}" for why in outcome.incomplete]
        text = "\n".join(
            [f"# Audit: {outcome.word()}", "", *(f"{line}  " for line in head), "", *rows, "", *details, *unknown, ""]
        )
        try:
            (self.directory / SUMMARY).write_text(redact.text(text), encoding="utf-8")
        except OSError as error:
            raise unwritable(self.directory, error) from None
