"""The command line: a module for each command."""

from __future__ import annotations

import sys
from functools import partial

from kube_dns_conformance import signals
from kube_dns_conformance.cli import audit, cluster, report, requirements, run, upgrade, watch  # noqa: F401
from kube_dns_conformance.cli.app import app
from kube_dns_conformance.ending import status_of

__all__ = ["app", "main"]


def main() -> None:
    """Every error is one line, and Ctrl-C or SIGTERM cleans up."""
    signals.clean_up_when_terminated()
    status = status_of(partial(app, standalone_mode=False))
    sys.exit(signals.exit_status() or status)
