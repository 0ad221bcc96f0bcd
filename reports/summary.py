"""The summary as Markdown: what was asked, expected and got for every requirement, for people and for CI pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable

SIGNS = {
    Verdict.CONFORMANT: "✅",
    Verdict.NONCONFORMANT: "❌",
    Verdict.UNKNOWN: "❔",
    Verdict.UNSUPPORTED: "➖",
    Verdict.SKIPPED: "➖",
    Verdict.NOT_RUN: "➖",
}
ROWS_SHOWN = 12


def markdown(results: Results) -> str:
    """The whole page."""
    return "\n".join([*_head(results), "", *_table(results), "", *_details(results)]) + "\n"


def _head(results: Results) -> Iterator[str]:
    run = results.run
    cluster = run.get("cluster", {})
    yield f"# Kubernetes DNS conformance: {results.outcome()}"
    yield ""
    why = f": {_cell(results.ended_by)}" if results.ended_by else "."
    yield f"{results.counts()}{'' if results.complete else f'. **The run did not reach its end{why}**'}"
    yield ""
    if cluster:
        servers = ", ".join(f"{one['name']} {one['host']}:{one['port']}" for one in cluster["dns"])
        yield f"- Kubernetes {cluster['kubernetes']}, {cluster['provider']} cluster, zone `{cluster['zone']}`"
        yield f"- asked: {servers}"
        yield f"- capabilities: {', '.join(cluster['capabilities'])}"
    limits = ", ".join(f"{name} {value:g}" for name, value in run.get("timings", {}).items())
    yield f"- time limits (seconds; stable: rounds): {limits}"
    yield f"- run {run.get('run', '?')}, kube-dns-conformance {run.get('version', '?')}"


def _table(results: Results) -> Iterator[str]:
    yield "| | requirement | section | level | what it says |"
    yield "|---|---|---|---|---|"
    for name, verdict in results.by_requirement().items():
        one = catalogue()[name]
        yield f"| {SIGNS[verdict]} {verdict} | `{name}` | {one.section} | {one.level} | {_cell(one.sentence)} |"


def _details(results: Results) -> Iterator[str]:
    yield "## What was asked, expected and got"
    for result in sorted(results.results, key=lambda one: list(Verdict).index(one.verdict)):
        yield ""
        yield f"### {SIGNS[result.verdict]} {result.requirement}"
        yield ""
        test = result.test.rpartition("::")[2]
        yield f"{_cell(catalogue()[result.requirement].sentence)} ({_cell(test)}, {result.seconds:.1f} s)"
        if result.detail:
            yield from ("", *_fenced(result.detail))
        yield from _checks(result)
        yield from _timeline(result)


def _checks(result: Result) -> Iterator[str]:
    rows = result.evidence.get("checks", [])
    if not rows:
        return
    yield ""
    yield "| asked | of | expected | got |"
    yield "|---|---|---|---|"
    for row in rows[:ROWS_SHOWN]:
        yield f"| {' | '.join(map(_cell, (*_asked(row), row['expected'], _got(row))))} |"
    if len(rows) > ROWS_SHOWN:
        yield f"| … {len(rows) - ROWS_SHOWN} more in results.jsonl | | | |"


def _timeline(result: Result) -> Iterator[str]:
    rows = result.evidence.get("timeline", [])
    if not rows:
        return
    began = min(row["from"] for row in rows)
    yield ""
    yield "| seen from | to | asks | of | asked | said |"
    yield "|---|---|---|---|---|---|"
    for row in rows[:ROWS_SHOWN]:
        times = f"{row['from'] - began:.2f} s | {row['to'] - began:.2f} s | {row['asks']}"
        of, asked = f"{row['server']}/{row['transport']}", f"{row['name']} {row['type']}"
        yield f"| {times} | {_cell(of)} | {_cell(asked)} | {_cell(row['said'])} |"
    if len(rows) > ROWS_SHOWN:
        yield f"| … {len(rows) - ROWS_SHOWN} more in results.jsonl | | | | | |"


def _asked(row: dict[str, Any]) -> tuple[str, str]:
    if "how" in row:
        return row["name"], row["how"]
    return f"{row['name']} {row['type']}", f"{row['address']}/{row['transport']}"


def _got(row: dict[str, Any]) -> str:
    if "said" in row:
        return str(row["said"])
    if row.get("problem"):
        return str(row["problem"])
    answers = [record.split(" ", 2)[2] for record in row["answer"]]
    return f"{row['rcode']} {' '.join(answers)}"


def _fenced(text: str) -> list[str]:
    # Longer than any run of backquotes inside: what a DNS server says must not end the block.
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 3)
    return [fence, printable(text), fence]


def _cell(text: str) -> str:
    """One table cell: what comes from a server or a cluster is shown, never obeyed."""
    text = text if len(text) <= 300 else text[:300] + " …"
    escaped = re.sub(r"([\\`*_{}\[\]<>#|!~&])", r"\\\1", text)
    return printable(escaped).replace("\n", " ")
