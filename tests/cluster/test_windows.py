"""How long a lie lasted: what is measured, and drawn, is what the faulty server did."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from faults.behind import CHANGES, TURNS, Changed, Turn
from faults.trial import Bench
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.outages import State
from kube_dns_conformance.reports.picture import COLOURS, LEFT, RIGHT_EDGE, picture
from kube_dns_conformance.results import Result, Verdict
from tools import pool

TOLERANCE = 0.5
"""Seconds that a busy machine may need for an answer."""
MILLISECOND = 0.001
"""Times are told to it."""
SLOT = 0.05
LATE = 22
HOLD = 1.5
"""Longer than any turn of what flaps."""
SVG = "{http://www.w3.org/2000/svg}"
LEGEND = 28
"""Above it is no lane."""
FOLLOWS = "survival.pod-restart.name-follows"
SIBLINGS = "survival.pod-restart.siblings-unbroken"
FAULTS = {
    "stale-for-five-seconds": FOLLOWS,
    "one-replica-behind": FOLLOWS,
    "flaps": FOLLOWS,
    "name-error-while-updating": SIBLINGS,
}
LASTING = {"stale-for-twenty-seconds": FOLLOWS, "stale-for-ever": FOLLOWS}

bench: Bench | None = None


def prepare(cluster: Cluster, state: Path) -> None:
    global bench  # noqa: PLW0603 - what a process keeps
    os.environ["KDC_STATE"] = str(state / f"windows-{os.getpid()}")
    bench = Bench(cluster, f"slot={SLOT}", f"late={LATE}", f"hold={HOLD}")


class Trial(NamedTuple):
    """What was said of a fault, when its real server changed its answers, and what it said in their place."""

    result: Result
    changes: list[Changed]
    turns: list[Turn]

    @property
    def change(self) -> dict[str, Any]:
        """What was seen of it."""
        change: dict[str, Any] = self.result.evidence["changes"][0]
        return change

    def rows(self, part: str, server: str = "faulty") -> list[dict[str, Any]]:
        return [one for one in self.change[part] if one["server"] == server]

    def lane(self, window: dict[str, Any]) -> list[dict[str, Any]]:
        """The timeline of the lane that a window is of."""
        names = ("name", "type", "server", "transport")
        found = [one for one in self.change["timeline"] if all(one[name] == window[name] for name in names)]
        return sorted(found, key=lambda one: one["from"])

    def turned(self, window: dict[str, Any]) -> list[Turn]:
        """What it said to that question, one after the other."""
        key = window["name"], window["type"], window["transport"]
        return [one for one in self.turns if one[:3] == key]

    def flaps(self, window: dict[str, Any], since: float) -> int:
        """How often that was new and then old again."""
        row = [one.is_old for one in self.turned(window) if one.at >= since]
        return list(pairwise(row)).count((False, True))

    def changed(self, window: dict[str, Any]) -> list[float]:
        """When the real server said something else to that question, the first and the last of it."""
        found = [one.at for one in self.changes if one[:3] == (window["name"], window["type"], window["transport"])]
        return [min(found), max(found)]


def task(name: str) -> tuple[str, Trial]:
    assert bench is not None
    CHANGES.clear()
    TURNS.clear()
    (result,) = bench.run(name, (FAULTS | LASTING)[name]).results
    bench.close()
    return name, Trial(result, list(CHANGES), list(TURNS))


@pytest.fixture(scope="module")
def trials(cluster: Cluster, sessions_states: Path) -> dict[str, Trial]:
    """All at once: they mostly wait."""
    return dict(pool.each(task, list(FAULTS), len(FAULTS), prepare, cluster, sessions_states))


@pytest.fixture(scope="module")
def lasting(cluster: Cluster, sessions_states: Path) -> dict[str, Trial]:
    """Those that take longer."""
    return dict(pool.each(task, list(LASTING), len(LASTING), prepare, cluster, sessions_states))


def insist_ended(trial: Trial, window: dict[str, Any]) -> float:
    """The lane was right again, for good, when the last lie had been told; returns when (epoch seconds).

    A lie is told after its question was asked, and before it is heard: however busy the machine is.
    """
    *_, wrong, right = lane = trial.lane(window)
    assert (wrong["state"] != "right", right["state"]) == (True, "right")
    ended = max(one.at for one in trial.turned(window) if one.is_old)
    heard = max(one["came"] for one in lane if one["state"] != "right")
    # What the real server itself had not heard of yet is no lie.
    behind = max(ended, trial.changed(window)[1])
    assert wrong["to"] - MILLISECOND <= behind, (lane, trial.turned(window))
    assert ended <= heard + MILLISECOND, (lane, trial.turned(window))
    return ended


@pytest.mark.parametrize("fault", ["stale-for-five-seconds", "one-replica-behind"])
def test_a_stale_answer_is_seen_for_as_long_as_it_was_given(trials: dict[str, Trial], fault: str) -> None:
    insist_stale_for(trials[fault], 5.0)


@pytest.mark.release
def test_an_answer_that_is_stale_for_long_is_seen_for_as_long(lasting: dict[str, Trial]) -> None:
    insist_stale_for(lasting["stale-for-twenty-seconds"], 20.0)


def insist_stale_for(trial: Trial, seconds: float) -> None:
    """As long as the server lied."""
    assert trial.result.verdict is Verdict.NONCONFORMANT
    windows = trial.rows("windows")
    assert {one["transport"] for one in windows} == {"udp", "tcp"}
    for one in windows:
        # Where this machine did not come to ask, nobody was lied to.
        assert insist_ended(trial, one) < trial.changed(one)[1] + seconds + TOLERANCE
        assert one["longest"] > seconds / 2
        *_, right = lane = trial.lane(one)
        # Between the two the name may have been denied for a moment, as the real server did it.
        stale = max(line["to"] for line in lane if line["state"] == "stale")
        assert one["appeared"] - one["disappeared"] == pytest.approx(right["from"] - stale, abs=3 * MILLISECOND)
        assert one["flaps"] == 0


def test_each_turn_of_the_old_answer_is_a_flap(trials: dict[str, Trial]) -> None:
    trial = trials["flaps"]
    assert trial.result.verdict is Verdict.NONCONFORMANT
    for one in trial.rows("windows"):
        insist_ended(trial, one)
        first, last = trial.changed(one)
        # Where the name was gone for a moment before it was back, the turns had begun there. And of two questions that
        # are on their way at the same time the later may be answered first.
        assert trial.flaps(one, last) - 2 <= one["flaps"] <= trial.flaps(one, first) + 2
        assert one["flaps"] > 2


def test_a_replica_that_is_not_behind_is_not_said_to_be(trials: dict[str, Trial]) -> None:
    windows = [one for one in trials["one-replica-behind"].change["windows"] if one["server"] != "faulty"]
    assert windows
    assert all(one["disappeared"] < 2.5 for one in windows)


@pytest.mark.release
def test_what_is_stale_for_ever_never_appears(lasting: dict[str, Trial]) -> None:
    trial = lasting["stale-for-ever"]
    assert trial.result.verdict is Verdict.NONCONFORMANT
    windows = trial.rows("windows")
    assert {one["appeared"] for one in windows} == {None}
    assert all(one["longest"] > LATE for one in windows)


def test_a_name_that_is_denied_while_it_changes_is_an_outage_with_its_cause(trials: dict[str, Trial]) -> None:
    trial = trials["name-error-while-updating"]
    assert trial.result.verdict is Verdict.NONCONFORMANT
    windows = [one for one in trial.rows("windows") if one["name"].startswith("web-headless.")]
    assert windows
    for one in windows:
        insist_ended(trial, one)
        # What the real server had not heard of yet may have been stale for a moment.
        assert max(one["outages"], key=lambda outage: outage["seconds"])["cause"] == "NXDOMAIN"


@pytest.mark.parametrize("fault", ["stale-for-five-seconds", "flaps"])
def test_the_picture_shows_it(trials: dict[str, Trial], fault: str) -> None:
    change = trials[fault].change
    drawn = picture(change)
    assert drawn is not None
    bars = [one for one in ET.fromstring(drawn).iter(f"{SVG}rect") if float(one.attrib["y"]) > LEGEND]
    wrong = [float(one.attrib["width"]) for one in bars if one.attrib["fill"] != COLOURS[State.RIGHT]]
    start = min(one["from"] for one in change["timeline"])
    end = max(one["to"] for one in change["timeline"])
    seconds = sum(wrong) / (RIGHT_EDGE - LEFT) * (end - start)
    windows = trials[fault].rows("windows")
    told = sum(lane["total"] for lane in windows)
    assert seconds == pytest.approx(told, abs=0.2 * len(windows))
    assert seconds > 2.0 * len(windows)
