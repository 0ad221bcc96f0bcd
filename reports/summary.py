"""The summary as Markdown, for people and for CI pages: the verdict first, then why, then everything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.reports.measures import TIMES, Measure, measures
from kube_dns_conformance.reports.picture import asked_of, happened, watched_from
from kube_dns_conformance.reports.wording import asked, explained, got, reason, troubled_first
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable

SIGNS: dict[str, str] = {
    Verdict.CONFORMANT: "✅",
    Verdict.NONCONFORMANT: "❌",
    Verdict.UNKNOWN: "❔",
    Verdict.UNSUPPORTED: "➖",
    Verdict.SKIPPED: "⏭️",
    Verdict.NOT_RUN: "⏹️",
    coverage.NOT_SELECTED: "·",
}
OUTCOMES = {"success": "✅", "failure": "❌", "partial": "❔"}
ROWS_SHOWN = 12
OBJECTS_SHOWN = 24
LEGEND = (
    "Where nothing else is said, questions have EDNS with room for 1232 bytes over UDP, and what is truncated is asked",
    "again over TCP. While something changes, an answer is right, or stale (as was true before), missing something,",
    "wrong (as was never true), or no answer. Names of a requirement's suite file lead to the objects at the end.",
)
CELL_CHARACTERS = 300
TEXT_CHARACTERS = 4000
"""Of the text of one result."""
LIMIT = 1024 * 1024
"""The bytes that GitHub takes as the summary of one step; of a larger one it shows nothing."""


def markdown(results: Results, limit: int = LIMIT) -> str:
    """The whole page, in no more than ``limit`` bytes: what does not fit is left out from the end, and it says so."""
    parts = [*_first(results), *_matrix(results), *_how(results), *_details(results)]
    left = limit - len(_rest(len(parts)).encode())
    if left < 0:
        return ""
    for index, part in enumerate(parts):
        left -= len(part.encode())
        if left < 0:
            return "".join([*parts[:index], _rest(len(parts) - index)])
    return "".join(parts)


def _rest(number: int) -> str:
    return _block(f"… {number} more parts would not fit here: see results.jsonl")


def _block(*lines: str) -> str:
    """Lines that belong together, and an empty one."""
    return "\n".join(lines) + "\n\n"


def _first(results: Results) -> Iterator[str]:
    outcome = results.outcome()
    yield _block(f"# {OUTCOMES[outcome]} Kubernetes DNS conformance: {outcome}")
    why = f": {_cell(results.ended_by)}" if results.ended_by else "."
    yield _block(f"{results.counts()}{'' if results.complete else f'. **The run did not reach its end{why}**'}")
    yield _block(*_where(results))
    yield _block(*_profiles(results))
    yield from _failures(results)
    yield from _reasons(results)
    yield from _information(results)
    yield from _through_time(results)


def _where(results: Results) -> Iterator[str]:
    cluster = results.run.get("cluster", {})
    if cluster:
        servers = ", ".join(f"{one['name']} {one['host']}:{one['port']}" for one in cluster["dns"])
        software = ", ".join(f"{one['name']} {one['version']}" for one in coverage.implementation(cluster))
        yield f"- DNS implementation: {_cell(software)}"
        kubernetes, zone = _cell(cluster["kubernetes"]), _code(cluster["zone"])
        yield f"- Kubernetes {kubernetes}, {cluster['provider']} cluster, zone {zone}"
        yield f"- asked: {_cell(servers)}"
        yield f"- capabilities: {_cell(', '.join(cluster['capabilities']))}"
    yield f"- run {results.run.get('run', '?')}, kube-dns-conformance {_cell(results.run.get('version', '?'))}"


def _profiles(results: Results) -> Iterator[str]:
    yield f"| profile | result | {' | '.join(coverage.STATES)} |"
    yield "|---|---" + "|--:" * len(coverage.STATES) + "|"
    for profile, counts in coverage.profiles(results).items():
        result = coverage.outcome(counts)
        numbers = " | ".join(str(counts[state]) for state in coverage.STATES)
        yield f"| {profile} | {OUTCOMES[result]} {result} | {numbers} |"


def _failures(results: Results) -> Iterator[str]:
    failures = [result for result in results.results if result.verdict is Verdict.NONCONFORMANT]
    if failures:
        yield _block("## What is wrong")
    for result in failures:
        yield _block(f"{SIGNS[result.verdict]} {_sentence(result)}", "", *_fenced(result.detail))


def _reasons(results: Results) -> Iterator[str]:
    """What was not judged: each reason once, with the requirements that have it."""
    reasons: dict[tuple[Verdict, str], list[str]] = {}
    for verdict in (Verdict.UNKNOWN, Verdict.NOT_RUN, Verdict.UNSUPPORTED, Verdict.SKIPPED):
        for result in coverage.deciding(results, verdict):
            reasons.setdefault((verdict, reason(result)), []).append(result.requirement)
    if not reasons:
        return
    lines = ["| | why | requirements |", "|---|---|---|"]
    for (verdict, why), names in reasons.items():
        lines.append(f"| {SIGNS[verdict]} {verdict} | {_cell(explained(why))} | {', '.join(map(_code, names))} |")
    yield _block("## What was not judged")
    yield _block(*lines)
    unjudged = dict.fromkeys(name for names in reasons.values() for name in names)
    sentences = [f"- {_code(name)}: {_cell(catalogue()[name].sentence)}" for name in unjudged]
    yield _block("<details><summary>What these say</summary>", "", *sentences, "", "</details>")


def _information(results: Results) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for name, text in coverage.information(results):
        found.setdefault(text, []).append(name)
    if found:
        yield _block("## For information: where servers differ without being wrong")
        yield _block(*(f"- {_cell(text)} ({', '.join(map(_code, names))})" for text, names in found.items()))


def _through_time(results: Results) -> Iterator[str]:
    found: dict[str, dict[str, Measure]] = {}
    for one in measures(results):
        found.setdefault(one.requirement, {})[one.what] = one
    if not found:
        return
    heads = " | ".join(TIMES.values())
    lines = [f"| requirement | repetitions | {heads} |", "|---|--:" + "|--:" * len(TIMES) + "|"]
    for name, of_each in found.items():
        repetitions = max(one.repetitions for one in of_each.values())
        times = " | ".join(_measured(of_each.get(what)) for what in TIMES)
        lines.append(f"| {_code(name)} | {repetitions} | {times} |")
    yield _block("## Through time: the worst of all names and servers; median and worst of all repetitions")
    yield _block(*lines)


def _measured(one: Measure | None) -> str:
    if one is None:
        return ""
    worst = f", {one.worst:.2f} s" if one.repetitions > 1 else ""
    return f"{one.median:.2f} s{worst}" + (f", never in {one.never}" if one.never else "")


def _matrix(results: Results) -> Iterator[str]:
    """Sections by requirements: what of the catalogue this run covers."""
    sections: dict[str, list[str]] = {}
    states = coverage.states(results)
    for name in states:
        sections.setdefault(catalogue()[name].section, []).append(name)
    lines = [f"| section | {' | '.join(f'{SIGNS[state]} {state}' for state in coverage.STATES)} | requirements |"]
    lines.append("|---" + "|--:" * len(coverage.STATES) + "|---|")
    for section, names in sections.items():
        found = [states[name] for name in names]
        numbers = " | ".join(str(found.count(state) or "") for state in coverage.STATES)
        lines.append(
            f"| {_cell(section)} | {numbers} | {' '.join(f'{SIGNS[states[one]]} {_code(one)}' for one in names)} |"
        )
    yield _block("## Coverage")
    yield _block(
        "Every requirement of the catalogue. Bare numbers are sections of Kubernetes' DNS specification, 1.1.0."
    )
    yield _block(*lines)


def _how(results: Results) -> Iterator[str]:
    yield _block("## To do this again")
    yield _block(*_fenced(results.run.get("command", "") or "not recorded"))
    limits = ", ".join(f"{name} {value:g}" for name, value in results.run.get("timings", {}).items())
    yield _block(f"Time limits (seconds; stable: rounds): {_cell(limits)}")


def _details(results: Results) -> Iterator[str]:
    yield _block("## What was asked, expected and got", "", *LEGEND)
    for result in sorted(results.results, key=lambda one: list(Verdict).index(one.verdict)):
        shown = [*_beside(result), *_checks(result), *_changes(result)]
        if not shown and result.verdict in {Verdict.UNSUPPORTED, Verdict.SKIPPED}:
            continue  # nothing was asked, and why is said above
        one, head = catalogue()[result.requirement], f"{SIGNS[result.verdict]} {result.requirement}"
        folded = result.verdict not in Verdict.bad()
        lines = [f"<details><summary>{head}</summary>" if folded else f"### {head}", ""]
        lines += [f"{_cell(one.sentence)} ({_cell(one.section)}, {one.level})", ""]
        lines.append(f"{_cell(result.test)}, {result.seconds:.1f} s")
        if result.detail and result.verdict is not Verdict.NONCONFORMANT:  # those are above
            lines += ["", *_fenced(result.detail)]
        yield _block(*lines, *shown, *(["", "</details>"] if folded else []))
    yield from _objects(results)


def _objects(results: Results) -> Iterator[str]:
    """What each suite file's objects were in the end: why that was expected."""
    of_file = {result.test.partition("::")[0]: result.evidence.get("state", []) for result in results.results}
    if not any(of_file.values()):
        return
    yield _block("## The objects that expectations were made of, when the last test of each file had ended")
    for file, lines in of_file.items():
        if lines:
            rest = [f"- … {len(lines) - OBJECTS_SHOWN} more in results.jsonl"] if len(lines) > OBJECTS_SHOWN else []
            shown = [f"- {_cell(one)}" for one in lines[:OBJECTS_SHOWN]]
            yield _block(f"<details><summary>{_cell(file)}</summary>", "", *shown, *rest, "", "</details>")


def _sentence(result: Result) -> str:
    one = catalogue()[result.requirement]
    return f"**{one.id}** ({_cell(one.section)}, {one.level}): {_cell(one.sentence)}"


def _checks(result: Result) -> Iterator[str]:
    def line(row: dict[str, Any]) -> str:
        return f"| {' | '.join(map(_cell, (*asked(row), row['expected'], got(row))))} |"

    return _table("| asked | of | expected | got |", "|---|---|---|---|", result.evidence.get("checks", []), line)


def _beside(result: Result) -> Iterator[str]:
    """What was seen before something was done, and what that was, where nothing was watched meanwhile."""
    before, events = result.evidence.get("before", []), result.evidence.get("events", [])
    if before or events:
        zero = min([row["from"] for row in before] + [row["at"] for row in events])
        yield from _timeline(before, zero)
        yield from _events(events, zero)
        yield ""
        yield "After that:"


def _changes(result: Result) -> Iterator[str]:
    changes = result.evidence.get("changes", [])
    for number, change in enumerate(changes, 1):
        began = change["began"]
        settled, deadline = (f"{change[name] - began:.2f} s" for name in ("settled", "deadline"))
        kept = change["deadline"] - change["settled"] - change["propagation"]
        yield ""
        yield (
            f"Change {number} of {len(changes)}: the objects settled {settled} after it began, DNS had until {deadline}"
            " to follow"
            f" ({change['propagation']:g} s, and {kept:.0f} s for which its answers may be kept)."
        )
        yield from (f"Required: {_cell(rule)}." for rule in change["rules"])
        yield from (f"- {_cell(watched_from(one))}" for one in change.get("observers", []))
        yield from _events(change["events"], began)
        yield from _windows(change["windows"])
        yield from _timeline(change["timeline"], began)


def _events(rows: list[dict[str, Any]], began: float) -> Iterator[str]:
    def line(row: dict[str, Any]) -> str:
        return f"| {row['at'] - began:.2f} s | {_cell(happened(row))} |"

    return _table("| at | what happened |", "|---|---|", rows, line)


def _windows(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Those first that were not right for longest."""

    def line(row: dict[str, Any]) -> str:
        what, of = f"{row['name']} {row['type']}", asked_of(row)
        times = [_seconds(row.get(name)) for name in ("appeared", "disappeared", "longest", "total")]
        times.insert(2, str(row.get("flaps", "")))
        times.append(
            _seconds(row.get("resolution")) + (f", {unasked:.1f} s unasked" if (unasked := row.get("unknown")) else "")
        )
        return f"| {_cell(what)} | {_cell(of)} | {' | '.join(times)} |"

    heads = (
        "| asked | of | right for good after | last stale after | flaps | longest not right | all in all | known to |"
    )
    worst_first = sorted(rows, key=lambda one: one["longest"], reverse=True)
    return _table(heads, "|---|---|--:|--:|--:|--:|--:|--:|", worst_first, line)


def _table(heads: str, rule: str, rows: list[dict[str, Any]], line: Callable[[dict[str, Any]], str]) -> Iterator[str]:
    """The first rows, and how many more there are; nothing when there is none."""
    if not rows:
        return
    yield ""
    yield heads
    yield rule
    yield from map(line, rows[:ROWS_SHOWN])
    if len(rows) > ROWS_SHOWN:
        yield f"| … {len(rows) - ROWS_SHOWN} more in results.jsonl |" + " |" * (heads.count("|") - 2)


def _seconds(found: float | None) -> str:
    return "" if found is None else f"{found:.2f} s"


def _timeline(rows: list[dict[str, Any]], began: float) -> Iterator[str]:
    """Lane by lane, those first in which something was not right."""

    def line(row: dict[str, Any]) -> str:
        times = f"{row['from'] - began:.2f} s | {row['to'] - began:.2f} s | {row['asks']}"
        of, what = asked_of(row), f"{row['name']} {row['type']}"
        return f"| {times} | {_cell(of)} | {_cell(what)} | {_cell(row['said'])} | {row.get('state', '')} |"

    heads = "| seen from | to | asks | of | asked | said | which was |"
    return _table(heads, "|---|---|---|---|---|---|---|", sorted(rows, key=troubled_first(rows)), line)


def _fenced(text: str) -> Iterable[str]:
    # Longer than any run of backquotes inside: what a DNS server says must not end the block.
    if len(text) > TEXT_CHARACTERS:
        text = f"{text[:TEXT_CHARACTERS]} … {len(text) - TEXT_CHARACTERS} more characters in results.jsonl"
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 3)
    return [fence, printable(text), fence]


def _code(text: str) -> str:
    """A name as code: those that could end it are shown as text."""
    return f"`{text}`" if re.fullmatch(r"[\w.:/-]+", text, re.ASCII) else _cell(text)


def _cell(text: str) -> str:
    """One table cell: what comes from a server or a cluster is shown, never obeyed."""
    text = text if len(text) <= CELL_CHARACTERS else text[:CELL_CHARACTERS] + " …"
    escaped = re.sub(r"([\\`*_{}\[\]<>#|!~&]|:(?=//)|(?<=www)\.)", r"\\\1", text, flags=re.IGNORECASE)
    return printable(escaped).replace("\n", " ").strip()
