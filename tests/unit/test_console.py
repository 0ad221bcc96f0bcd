"""What `run` shows of what went wrong in the suite itself."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from kube_dns_conformance.console import Reporter
from kube_dns_conformance.errors import ReportError


def shown(error: Exception) -> list[str]:
    output = io.StringIO()
    reporter = Reporter(Console(file=output, soft_wrap=True))
    with pytest.raises(type(error)) as caught:
        raise error
    assert reporter.pytest_internalerror("a long story", caught)
    reporter.finish("")
    return output.getvalue().splitlines()


def test_a_bug_of_ours_is_one_line_and_a_file_with_the_details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    lines = shown(KeyError("x"))
    (details,) = tmp_path.iterdir()
    assert lines == [f"a bug of ours: KeyError: 'x' (details in {details})"]
    assert details.read_text() == "a long story"


def test_a_foreseen_error_needs_no_details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert shown(ReportError("cannot write")) == ["cannot write"]
    assert list(tmp_path.iterdir()) == []
