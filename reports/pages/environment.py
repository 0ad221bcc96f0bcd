"""How pages are made: Jinja escapes all that comes from a server or a cluster, and a page needs nothing beside it."""

from __future__ import annotations

import time
from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kube_dns_conformance.reports import coverage
from kube_dns_conformance.results import Verdict
from kube_dns_conformance.text import printable

SIGNS = {
    Verdict.NONCONFORMANT: "✗",
    Verdict.UNKNOWN: "?",
    Verdict.CONFORMANT: "✓",
    Verdict.UNSUPPORTED: "–",
    Verdict.SKIPPED: "»",
    Verdict.NOT_RUN: "■",
    coverage.NOT_SELECTED: "·",
}
OUTCOMES = {"success": "✓", "failure": "✗", "partial": "?"}
"""Beside every colour, for whoever cannot tell them apart."""


def page(template: str, **values: Any) -> str:
    """One page. The script in it is the only one that a browser will run there."""
    script = _environment().get_template("page.js").render()
    values["script"] = Markup(script)  # noqa: S704 - ours
    values["script_hash"] = b64encode(sha256(script.encode()).digest()).decode()
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    loader = PackageLoader("kube_dns_conformance.reports.pages", "")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"shown": printable, "moment": _moment, "duration": _duration, "named": _named}
    made.globals |= {"signs": SIGNS, "outcomes": OUTCOMES, "states": coverage.STATES}
    return made


def _named(state: str) -> str:
    """A state as a class of the style."""
    return f"is-{state.replace(' ', '-')}"


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def _duration(seconds: float) -> str:
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return f"{round(seconds) // 60} min {round(seconds) % 60} s"
