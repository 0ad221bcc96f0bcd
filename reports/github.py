"""What a step of a GitHub workflow is told: a summary, and annotations where its run is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kube_dns_conformance.reports import summary
from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.text import printable

MOST = 10
"""GitHub shows no more of a step."""
KINDS = {Verdict.NONCONFORMANT: "error", Verdict.UNKNOWN: "warning"}


def append_step_summary(results: Results) -> str:
    """Append the summary to that of the GitHub step this runs in, where there is one. Returns what kept it from that.

    All that a step appends must fit into `summary.LIMIT` together, or GitHub shows none of it.
    """
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return ""
    path = Path(name)
    try:
        used = path.stat().st_size if path.exists() else 0
        with path.open("a", encoding="utf-8") as file:
            file.write(summary.markdown(results, max(summary.LIMIT - used, 0)))
    except OSError as error:
        return f"cannot append to GITHUB_STEP_SUMMARY, {name}: {error.strerror}"
    return ""


def workflow_commands(results: Results) -> Iterator[str]:
    """An annotation for each requirement that is wrong, then for each that could not be judged.

    None where this does not run in a workflow.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    lines = [
        _command(kind, result.requirement, result.message)
        for verdict, kind in KINDS.items()
        for result in results.results
        if result.verdict is verdict
    ]
    yield from list(dict.fromkeys(lines))[:MOST]


def _command(kind: str, title: str, text: str) -> str:
    """As GitHub's own toolkit writes one: what is in it cannot end it, nor begin another."""
    message = printable(text).replace("%", "%25").replace("\n", "%0A")
    return f"::{kind} title={title}::{message}"
