"""What `make test` says last of what failed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def _said(result: Path) -> str:
    command = [sys.executable, "-m", "tools.failed", str(result)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def _ran(retcode: int, output: str, err: str = "") -> dict[str, object]:
    return {"command": ["pytest"], "output": output, "err": err, "retcode": retcode}


def test_the_last_lines_of_what_failed_are_said_under_its_name(tmp_path: Path) -> None:
    long = "".join(f"line {number}\n" for number in range(100))
    result = tmp_path / "result.json"
    environments = {
        "unit": {"test": [_ran(0, "all is well\n")]},
        "conformance": {"test": [_ran(0, "installed\n"), _ran(3, long, "ERROR: no API server\n")]},
    }
    result.write_text(json.dumps({"testenvs": environments}))

    lines = _said(result).splitlines()

    assert lines[0] == "--- conformance failed with status 3, and said last:"
    assert lines[1] == "line 76"
    assert lines[-2:] == ["line 99", "ERROR: no API server"]
    assert "all is well" not in lines
    assert "installed" not in lines


def test_where_nothing_failed_or_tox_was_cut_off_nothing_is_said(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    result.write_text(json.dumps({"testenvs": {"unit": {"test": [_ran(0, "all is well\n")]}}}))

    assert _said(result) == ""
    assert _said(tmp_path / "none.json") == ""
