"""The report itself: what Allure makes of our results, and without what it would load from elsewhere."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kube_dns_conformance.errors import ReportError
from kube_dns_conformance.progress import step
from kube_dns_conformance.reports import allure
from kube_dns_conformance.reports.allure3 import history
from kube_dns_conformance.reports.allure3.program import Program, program
from kube_dns_conformance.results import Results
from kube_dns_conformance.text import last_line
from kube_dns_conformance.toolchain.process import exit_on_sigterm, follow

TREE = ("section", "feature", "level", "requirement")
"""The labels by which tests are put into a tree."""
RUNS = 20
"""So many are drawn one after the other; the history of a test has all."""
CHARTS: tuple[dict[str, object], ...] = (
    {"type": "currentStatus", "title": "This run"},
    {"type": "statusDynamics", "title": "Run after run", "limit": RUNS},
    {"type": "statusTransitions", "title": "What became better or worse, run after run", "limit": RUNS},
    {"type": "stabilityDistribution", "title": "How stable features are", "groupBy": "feature"},
    {"type": "durations", "title": "How long tests took", "groupBy": "none"},
    {"type": "durationDynamics", "title": "How long it took, run after run", "limit": RUNS},
)
_ANALYTICS = re.compile(r'<script async src="https?://[^"]*"></script>')
"""Google's, in every report; Allure 3 has no option against it."""
_HEAD = """<head><meta http-equiv="Content-Security-Policy" content="default-src data: blob: 'unsafe-inline'">\
<script>window.allureReportData = {};</script>"""
"""Whatever else it might load is not loaded: somebody who opens a report tells nobody.

Allure's program waits for its data only when it is announced, and a busy browser begins with the program before it has
read that far: the page stayed empty.
"""


def html(shown: Results, known: Sequence[history.Point]) -> str:
    """The whole page: this run, and of earlier ones what became of each test.

    Raises:
        UsageError: there is no Node.js, or one that is too old.
        ToolchainError: Allure could not be installed.
        ReportError: Allure made no report; the text is what it said.
    """
    tool = program()
    with exit_on_sigterm(), tempfile.TemporaryDirectory(prefix="kube-dns-conformance-") as folder:
        work = Path(folder)
        allure.write(shown, work / "results")
        (work / "history.jsonl").write_text(history.text(history.before(known, shown)), encoding="utf-8")
        (work / "allurerc.json").write_text(json.dumps(_configuration(shown)), encoding="utf-8")
        with step("Allure makes the report"):
            _generate(tool, work)
        made = (work / "report" / "index.html").read_text(encoding="utf-8")
    return _ANALYTICS.sub("", made, count=1).replace("<head>", _HEAD, 1)


def _configuration(shown: Results) -> dict[str, object]:
    look = {"singleFile": True, "groupBy": TREE, "defaultSortBy": "name,asc", "charts": CHARTS}
    return {
        "name": allure.title(shown),
        "output": "report",
        "historyPath": "history.jsonl",
        "appendHistory": False,  # see history.py
        "categories": allure.CATEGORIES,
        "plugins": {"awesome": {"options": look}},
    }


def _generate(tool: Program, work: Path) -> None:
    said: list[str] = []
    command = [*tool.command, "generate", "--config", "allurerc.json", "results"]
    done = follow(command, cwd=work, env=os.environ, line=said.append)
    if done.code != 0 or not (work / "report" / "index.html").is_file():
        why = last_line("\n".join(said)) or last_line(done.output) or f"exit status {done.code}"
        raise ReportError(f"{tool} made no report: {why}")
