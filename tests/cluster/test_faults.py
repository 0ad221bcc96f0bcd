"""The bench of the kill table: workloads that stand, and one faulty server after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.trial import Bench
from kube_dns_conformance.clusters.base import Cluster


@pytest.fixture(scope="module")
def bench(cluster: Cluster, sessions_states: Path) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KDC_STATE", str(sessions_states / "bench"))
        made = Bench(cluster)
        yield made
        made.close()


@pytest.mark.parametrize(
    "name",
    [
        *("address-last-missing", "every-answer-cut"),
        *(pytest.param(one, marks=pytest.mark.release) for one in ("one-replica-fails", "first-slice-only")),
    ],
)
def test_a_fault_is_judged_by_what_the_suite_says_of_it(bench: Bench, name: str) -> None:
    trial = bench.judge(name, "headless.address.*", "slices.*", "replicas.*", "negative.names.*")
    assert trial.problems() == []
    assert (trial.noticed > 0) is (name != "every-answer-cut")
    assert trial.seconds > trial.noticed


def test_the_real_servers_are_accused_of_nothing(bench: Bench) -> None:
    trial = bench.judge("", "headless.*", "clusterip.*")
    assert (trial.accused, trial.unjudged) == ({}, {})
