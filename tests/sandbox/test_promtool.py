"""Prometheus' own tool reads the metrics of every kind of run; Debian's package has it."""

from __future__ import annotations

import subprocess

import pytest

from kube_dns_conformance.reports import metrics
from kube_dns_conformance.results import Results
from reports_samples import HOSTILE, every_verdict, hostile_cluster
from tools import packages


@pytest.fixture(scope="module", autouse=True)
def promtool() -> None:
    packages.need({"promtool": "prometheus"}, "its tool says whether the metrics of a run are well formed")


@pytest.mark.parametrize("results", [every_verdict(), Results({"run": "x"}, []), *map(hostile_cluster, HOSTILE)])
def test_promtool_has_nothing_to_say(results: Results) -> None:
    assert check(metrics.text(results)) == (0, "", "")


def test_promtool_says_what_is_wrong() -> None:
    assert check("no metrics {")[0] != 0


def check(text: str) -> tuple[int, str, str]:
    said = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    return said.returncode, said.stdout, said.stderr
