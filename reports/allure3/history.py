"""What Allure 3 knows of earlier runs: its history file, a line of JSON for each run.

Allure adds a line for what it has just shown, with the time at which it showed it. These are made from
``results.jsonl`` as all reports are, with the time of the run and under its id: a run is in the file once, whenever it
is shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.reports import allure
from kube_dns_conformance.results import Result, Results

Point = dict[str, Any]
"""One run: https://github.com/allure-framework/allure3, packages/core-api/src/history.ts."""


def read(path: Path) -> list[Point]:
    """The runs in a history file; none when there is no file. Raises UsageError when it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    return [_parsed(line, f"{path} line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def joined(known: Iterable[Point], runs: Iterable[Results]) -> list[Point]:
    """What is known and these runs, each once, in the order in which they began."""
    points = {one["uuid"]: one for one in [*known, *map(_point, runs)]}
    return sorted(points.values(), key=lambda one: one["timestamp"])


def before(points: Iterable[Point], run: Results) -> list[Point]:
    """Those that began before this run did."""
    return [one for one in points if one["timestamp"] < _milliseconds(run.run["started"])]


def text(points: Iterable[Point]) -> str:
    """A whole history file."""
    return "".join(json.dumps(one) + "\n" for one in points)


def _parsed(line: str, where: str) -> Point:
    try:
        found = json.loads(line)
        if isinstance(found["uuid"], str) and isinstance(found["timestamp"], int | float):
            return dict(found)
    except (ValueError, TypeError, KeyError):
        pass
    raise UsageError(f"{where} is no run of an Allure 3 history file")


def _point(results: Results) -> Point:
    tests = [_test(one, results.run["run"]) for one in results.results + results.not_run()]
    return {
        "uuid": results.run["run"],
        "name": allure.title(results),
        "timestamp": _milliseconds(results.run["started"]),
        "knownTestCaseIds": [one["historyId"].partition(".")[0] for one in tests],
        "testResults": {one["historyId"]: one for one in tests},
        "metrics": {},
        "url": "",
    }


def _test(result: Result, run: str) -> Point:
    told = allure.described(result)
    # As Allure 3 makes it: of what the test is, and of its parameters, of which ours have none.
    known_as = f"{_md5(told.testCaseId)}.{_md5('')}"
    return {
        "id": _md5(f"{run} {result.test}"),
        "historyId": known_as,
        "name": told.name,
        "fullName": told.fullName,
        "environment": "default",
        "status": told.status,
        "message": told.statusDetails.message if told.statusDetails else None,
        "start": told.start,
        "stop": told.stop,
        "duration": told.stop - told.start,
        "labels": [{"name": one.name, "value": one.value} for one in told.labels],
        "url": "",
        "reportLinks": [],
    }


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
