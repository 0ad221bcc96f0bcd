"""The command that does a run again, as its user would type it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

VARIABLES = (
    *("KDC_CLUSTER", "KDC_NAME", "KDC_KUBERNETES", "KDC_TOOL_VERSION", "KDC_IP_FAMILY", "KDC_KEEP_CLUSTER"),
    *("KDC_KIND_IMAGE", "KDC_AGENT_IMAGE", "KDC_IMAGE_REGISTRY", "KDC_KUBECONFIG", "KDC_CONTEXT", "KDC_ZONE"),
    *(
        "KDC_DNS_SERVER",
        "KDC_ALLOW_DISRUPTIVE",
        "KDC_ALLOW_LARGE",
        "KDC_REQUIREMENT",
        "KDC_PROFILE",
        "KDC_TIMING",
        "KDC_REPEAT",
        "KDC_UPGRADE",
        "KUBECONFIG",
    ),
)
"""The environment twins of the options that decide what is judged and where; no others are shown."""
REPORTS = ("--report-dir", "--push-metrics")


def reproduce(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """One line for a shell, from how this process was started: the variables that count, the program, its arguments."""
    program = Path(argv[0]).absolute()
    words = ["python", "-m", program.parent.name] if program.name == "__main__.py" else [_found(program, environ)]
    variables = [f"{name}={shlex.quote(environ[name])}" for name in VARIABLES if environ.get(name)]
    return " ".join([*variables, shlex.join([*words, *_elsewhere(argv[1:])])])


def _elsewhere(arguments: Sequence[str]) -> list[str]:
    """All of them but where the report goes: done again, it would take the place of this one."""
    kept, at = list[str](), 0
    while at < len(arguments):
        one = arguments[at]
        if one.partition("=")[0] not in REPORTS:
            kept.append(one)
        at += 2 if one in REPORTS else 1
    return kept


def _found(program: Path, environ: Mapping[str, str]) -> str:
    """Its name, or where it is below this directory when its name alone does not lead there."""
    if shutil.which(program.name, path=environ.get("PATH", "")) or not program.is_relative_to(Path.cwd()):
        return program.name
    return str(program.relative_to(Path.cwd()))
