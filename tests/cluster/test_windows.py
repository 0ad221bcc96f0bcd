"""How long a lie lasted: what is measured, and drawn, is what the faulty server did."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from faults.trial import Bench
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.outages import State
from kube_dns_conformance.reports.picture import COLOURS, LEFT, RIGHT_EDGE, picture
from kube_dns_conformance.results import Result, Verdict
from tools import pool

TOLERANCE = 0.2
"""Seconds, beside the time in which this machine did not come to ask."""
SLOT = 0.05
SVG = "{http://www.w3.org/2000/svg}"
LEGEND = 28
"""Above it is no lane."""
FOLLOWS = "survival.pod-restart.name-follows"
SIBLINGS = "survival.pod-restart.siblings-unbroken"
FAULTS = {
    "stale-for-five-seconds": FOLLOWS,
    "stale-for-twenty-seconds": FOLLOWS,
    "stale-for-ever": FOLLOWS,
    "one-replica-behind": FOLLOWS,
    "flaps": FOLLOWS,
    "name-error-while-updating": SIBLINGS,
}

bench: Bench | None = None


def prepare(cluster: Cluster, state: Path) -> None:
    global bench  # noqa: PLW0603 - what a process keeps
    os.environ["KDC_STATE"] = str(state / f"windows-{os.getpid()}")
    bench = Bench(cluster, f"slot={SLOT}", "late=22")


def task(name: str) -> tuple[str, Result]:
    assert bench is not None
    found = bench.run(name, FAULTS[name])
    (result,) = found.results
    return name, result


@pytest.fixture(scope="module")
def results(cluster: Cluster, sessions_states: Path) -> dict[str, Result]:
    """All at once: they mostly wait."""
    return dict(pool.each(task, list(FAULTS), len(FAULTS), prepare, cluster, sessions_states))


def rows(result: Result, part: str, server: str = "faulty") -> list[dict[str, Any]]:
    return [one for one in result.evidence[part] if one["server"] == server]


def gap(result: Result) -> float:
    """For how long at most a lane was not asked (seconds)."""
    found = 0.0
    for lane in {(one["name"], one["type"], one["transport"]) for one in rows(result, "timeline")}:
        of_lane = [one for one in rows(result, "timeline") if (one["name"], one["type"], one["transport"]) == lane]
        ordered = sorted(of_lane, key=lambda one: one["from"])
        found = max([found, *(b["from"] - a["to"] for a, b in pairwise(ordered))])
    return found


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ("stale-for-five-seconds", 5.0),
        ("stale-for-twenty-seconds", 20.0),
        ("one-replica-behind", 5.0),
        ("flaps", 5.0),  # its last turn of the old answer ends then
    ],
)
def test_a_stale_answer_is_seen_for_as_long_as_it_was_given(
    results: dict[str, Result], fault: str, seconds: float
) -> None:
    result = results[fault]
    assert result.verdict is Verdict.NONCONFORMANT
    windows = rows(result, "windows")
    assert {one["transport"] for one in windows} == {"udp", "tcp"}
    for one in windows:
        assert one["disappeared"] == pytest.approx(seconds, abs=TOLERANCE + gap(result))
        assert one["appeared"] == pytest.approx(seconds, abs=TOLERANCE + gap(result))
        assert one["flaps"] == (2 if fault == "flaps" else 0)


def test_a_replica_that_is_not_behind_is_not_said_to_be(results: dict[str, Result]) -> None:
    windows = [one for one in results["one-replica-behind"].evidence["windows"] if one["server"] != "faulty"]
    assert windows
    assert all(one["disappeared"] < TOLERANCE + SLOT for one in windows)


def test_what_is_stale_for_ever_never_appears(results: dict[str, Result]) -> None:
    result = results["stale-for-ever"]
    assert result.verdict is Verdict.NONCONFORMANT
    windows = rows(result, "windows")
    assert {one["appeared"] for one in windows} == {None}
    assert all(one["longest"] > 22.0 for one in windows)


def test_a_name_that_is_denied_while_it_changes_is_an_outage_with_its_cause(results: dict[str, Result]) -> None:
    result = results["name-error-while-updating"]
    assert result.verdict is Verdict.NONCONFORMANT
    windows = [one for one in rows(result, "windows") if one["name"].startswith("web-headless.")]
    assert windows
    for one in windows:
        assert one["appeared"] == pytest.approx(2.0, abs=TOLERANCE + gap(result))
        assert {outage["cause"] for outage in one["outages"]} == {"NXDOMAIN"}
        assert one["longest"] >= 2.0 - TOLERANCE


@pytest.mark.parametrize("fault", ["stale-for-five-seconds", "flaps"])
def test_the_picture_shows_it(results: dict[str, Result], fault: str) -> None:
    evidence = results[fault].evidence
    drawn = picture(evidence)
    assert drawn is not None
    bars = [one for one in ET.fromstring(drawn).iter(f"{SVG}rect") if float(one.attrib["y"]) > LEGEND]
    stale = [float(one.attrib["width"]) for one in bars if one.attrib["fill"] == COLOURS[State.STALE]]
    start = min(one["from"] for one in evidence["timeline"])
    end = max(one["to"] for one in evidence["timeline"])
    seconds = sum(stale) / (RIGHT_EDGE - LEFT) * (end - start)
    windows = rows(results[fault], "windows")
    told = sum(one["seconds"] for lane in windows for one in lane["outages"] if one["state"] == "stale")
    assert seconds == pytest.approx(told, abs=TOLERANCE * len(windows))
    assert seconds > 3.0 * len(windows) - TOLERANCE
