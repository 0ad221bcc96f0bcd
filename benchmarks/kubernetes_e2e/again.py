"""Start a benchmark of this folder again, with an engine of our own."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from benchmarks.kubernetes_e2e import images
from kube_dns_conformance.toolchain import Toolchain
from tools import on_kind
from tools.command import insist_here


def with_our_engine(module: str) -> NoReturn:
    """Make first all that needs a way out of this machine, which our engine does not have. Raises ToolsError."""
    insist_here()
    version = os.environ.setdefault(on_kind.VERSION_VARIABLE, Toolchain().version("kubernetes"))
    tools = images.toolchain(version)
    tools.need("kind", "kubectl", "e2e.test")
    archives = images.archives(tools)
    command = [sys.executable, "-m", "tools.on_kind", sys.executable, "-m", module]
    os.execv(sys.executable, [*command, *sys.argv[1:], *(f"--load={archive}" for archive in archives)])
