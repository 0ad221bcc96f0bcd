"""A real upgrade by kubeadm, node by node, and one of CoreDNS alone: what is told of it is what dig saw beside it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.commandline import ROOT
from kube_dns_conformance.results import read
from kube_dns_conformance.toolchain import Toolchain
from tools import kind_image
from tools.command import why_not_here

NODES = 3
FROM, TO = "1.36.3", "1.37.2"
LASTED = re.compile(r"(\d+\.\d\d) s at")

pytestmark = [
    pytest.mark.release,
    pytest.mark.skipif(bool(why_not_here()), reason="the dig that it is compared with is made of Debian packages"),
]


def upgraded(folder: Path, *words: str) -> tuple[int, str, Any]:
    """The exit status, what was printed, and the outcome."""
    command = [sys.executable, "-m", "tools.real_upgrade", "--dig", *words]
    where = os.environ | {"KDC_STATE": str(folder / "state"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, check=False, cwd=folder, env=where, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    outcomes = list(folder.glob("kdc-upgrade/*/outcome.json"))
    assert len(outcomes) == 1, done.stdout
    return done.returncode, done.stdout, json.loads(outcomes[0].read_text())


def kubernetes(folder: Path, phase: str) -> str:
    """Its version, as the run before or after the upgrade says."""
    (report,) = folder.glob(f"kdc-upgrade/*/{phase}")
    return str(read(report).run["cluster"]["kubernetes"])


@pytest.mark.timeout(1800)
def test_an_upgrade_by_kubeadm_is_told_as_dig_saw_it(tmp_path: Path) -> None:
    status, said, outcome = upgraded(tmp_path, TO)
    assert said.count("they agree") == NODES, said
    assert outcome["command"] == 0, said
    # kubeadm leaves both replicas on the control plane, and drains it: all of DNS is away for a while.
    assert set(outcome["broken"]) <= {"upgrade.answers.in-time"}, said
    longest = max(float(seconds) for seconds in LASTED.findall(said))
    assert bool(outcome["broken"]) == (longest > 5.0)
    assert status == (1 if outcome["broken"] else 0)
    assert [kubernetes(tmp_path, phase) for phase in ("before", "after")] == [FROM, TO]


@pytest.mark.timeout(900)
def test_coredns_alone_to_another_version_is_told_as_dig_saw_it(tmp_path: Path) -> None:
    was, to = kind_image.toolchain().version("coredns"), Toolchain().version("coredns")
    assert was != to
    status, said, outcome = upgraded(tmp_path, "--dns-alone", to)
    assert said.count("they agree") == NODES, said
    assert (status, outcome["outcome"], outcome["command"]) == (0, "conformant", 0), outcome
    assert any(was in one and to in one for one in outcome["information"]), outcome["information"]
