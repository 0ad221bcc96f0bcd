"""The benchmark of large clusters: its lies, and what it calls worse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.scale import lies, world
from benchmarks.scale.compare import worse
from benchmarks.scale.table import RESULTS, rows
from documents import ROOT
from kube_dns_conformance.clusters import coredns
from kube_dns_conformance.promises import Key, expected

ZONE = "cluster.local"


def result(endpoints: int = 1000, found: int = 20, **figures: float) -> dict[str, Any]:
    row = {"endpoints": endpoints, "seconds": 10.0, "MiB": 100, "ratio": 0.7} | figures
    return {"rows": [row], "lies": {"planted": 20, "found": found, "else": []}}


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (result(seconds=11.0, ratio=0.65), []),
        (result(seconds=5.0, ratio=1.0), []),
        (result(seconds=13.0), ["1000 endpoints, seconds: 10 before, 13 now"]),
        (result(ratio=0.5), ["1000 endpoints, ratio: 0.7 before, 0.5 now"]),
        (result(found=19), ["1 planted lies not found, 0 others said to be"]),
        (result(endpoints=3000), ["1000 endpoints: not measured now"]),
    ],
)
def test_what_got_worse_is_said(new: dict[str, Any], said: list[str]) -> None:
    assert list(worse(result(), new)) == said


def test_the_page_has_what_was_measured() -> None:
    results = json.loads(RESULTS.read_text())
    page = (ROOT / "docs" / "scale.md").read_text()
    assert [row for row in rows(results) if row not in page] == []
    assert results["lies"] == results["lies"] | {"planted": 20, "found": 20, "else": []}


def test_each_planted_lie_is_about_something_that_is_promised() -> None:
    objects = list(world.objects(0, 1000))
    for at, one in enumerate(objects):
        if one["kind"] == "Service" and "clusterIP" not in one["spec"]:
            one["spec"] |= {"clusterIP": f"10.96.1.{at % 250}", "clusterIPs": [f"10.96.1.{at % 250}"]}
    services, slices = ([one for one in objects if one["kind"] == kind] for kind in ("Service", "EndpointSlice"))
    promises = expected(services, slices, [], ZONE)
    wrong = lies.planted(1000, ZONE)
    assert len(wrong) == 20
    assert all(Key(one.name, one.rdtype) in promises for one in wrong)
    assert lies.corefile(coredns.ours(), wrong).count("template IN") == 20
