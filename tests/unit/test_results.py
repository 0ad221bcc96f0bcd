"""``results.jsonl``: what is written is read back, whatever happened to the writer, and what follows from it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance.errors import ExitCode, UsageError
from kube_dns_conformance.reports import write_all
from kube_dns_conformance.results import FILE, Result, Results, Verdict, Writer, read

C, N, U = Verdict.CONFORMANT, Verdict.NONCONFORMANT, Verdict.UNKNOWN
UNSUPPORTED, SKIPPED, NOT_RUN = Verdict.UNSUPPORTED, Verdict.SKIPPED, Verdict.NOT_RUN

TEXT = st.text('ab"\\{}\n\r\t\x00\x1b\x85\u2028ü😀\ud800', max_size=8)
FLOATS = st.floats(0, 2e9)
EVIDENCE = st.dictionaries(TEXT, st.lists(TEXT | FLOATS | st.none(), max_size=3), max_size=2)
RESULTS = st.lists(
    st.builds(Result, TEXT, TEXT, st.sampled_from(Verdict), TEXT, TEXT, FLOATS, FLOATS, EVIDENCE), max_size=4
)


def written(directory: Path, results: Iterable[Result], head: dict[str, Any], *, end: bool = True) -> Path:
    writer = Writer(directory)
    writer.begin(head)
    for result in results:
        writer.add(result)
    if end:
        writer.end(1.0, interrupted=False)
    return directory / FILE


def judged(*verdicts: tuple[str, Verdict], selected: dict[str, str] | None = None, complete: bool = True) -> Results:
    """Results of tests named 0, 1, 2 …, of these requirements."""
    results = [Result(requirement, str(test), verdict) for test, (requirement, verdict) in enumerate(verdicts)]
    every = {result.test: result.requirement for result in results}
    return Results({"selected": every if selected is None else selected}, results, complete)


@given(RESULTS, st.dictionaries(st.sampled_from(["run", "version", "selected"]), TEXT | st.none()))
def test_what_is_written_is_read_back(results: list[Result], head: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        written(Path(directory), results, head)
        assert read(Path(directory)) == Results({"schema": 1, **head}, results, complete=True, finished=1.0)


@given(RESULTS, st.floats(0, 1))
def test_a_file_cut_off_at_any_byte_gives_what_was_whole(results: list[Result], part: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = written(Path(directory), results, {"run": "x"})
        whole = file.read_bytes()
        kept = whole[: int(part * len(whole))]
        file.write_bytes(kept)
        found = read(Path(directory))
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    lines = sum(end <= len(kept) for end in ends)  # a line counts when only its end of line is missing
    assert found.results == results[: max(lines - 1, 0)]
    assert found.run == ({"schema": 1, "run": "x"} if lines else {})
    assert found.complete is (lines == len(results) + 2)


def test_every_single_cut_of_a_small_file_can_be_read(tmp_path: Path) -> None:
    file = written(tmp_path, [Result("a.b", "t", C)], {"run": "x"})
    whole = file.read_bytes()
    found = []
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        found.append(len(read(tmp_path).results))
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, 1)


def test_every_line_is_on_disk_before_the_next_one_is_judged(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    assert read(tmp_path) == Results({}, [])
    writer.begin({"run": "x"})
    assert read(tmp_path) == Results({"schema": 1, "run": "x"}, [])
    writer.add(Result("a.b", "t", C))
    assert read(tmp_path) == Results({"schema": 1, "run": "x"}, [Result("a.b", "t", C)])
    writer.end(1.0, interrupted=False)
    assert read(tmp_path) == writer.results


def test_an_interrupted_run_is_not_complete(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.begin({})
    writer.end(1.0, interrupted=True)
    assert not read(tmp_path).complete
    assert not writer.results.complete


def test_listeners_are_told_and_nothing_is_written_without_a_directory() -> None:
    heard: list[Result] = []
    writer = Writer(None)
    writer.listeners.append(heard.append)
    writer.add(Result("a.b", "t", C))
    assert heard == writer.results.results == [Result("a.b", "t", C)]


def test_a_new_run_replaces_an_earlier_one(tmp_path: Path) -> None:
    written(tmp_path / "new" / "folder", [Result("a.b", "t", C)], {})
    written(tmp_path / "new" / "folder", [], {})
    assert read(tmp_path / "new" / "folder").results == []


def test_the_reports_of_an_earlier_run_are_gone_as_soon_as_a_new_one_begins(tmp_path: Path) -> None:
    written(tmp_path, [Result("clusterip.address.ipv4", "t", C)], {})
    write_all(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    Writer(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", FILE]
    assert (tmp_path / FILE).read_text() == ""
    Writer(tmp_path)  # a run that was killed at once left an empty file


@pytest.mark.parametrize("name", ["summary.md", "junit.xml", FILE])
def test_a_report_of_somebody_else_is_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("theirs")
    with pytest.raises(UsageError, match=rf"{name} is no report of ours"):
        Writer(tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "theirs")]


def test_what_ended_a_run_is_said_of_it_and_of_every_test_that_was_not_reached(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.begin({"selected": {"t": "clusterip.address.ipv4"}})
    writer.begin({"selected": {"t": "clusterip.address.ipv4"}, "cluster": {"zone": "example.test"}})
    writer.end(1.0, interrupted=True, ended_by="interrupted by SIGTERM")
    found = read(tmp_path)
    assert found == writer.results
    assert found.run["cluster"] == {"zone": "example.test"}
    assert found.not_run()[0].message == "the run ended before this test: interrupted by SIGTERM"


def test_no_report_and_no_place_for_one_are_usage_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot read .*results\.jsonl: No such file or directory"):
        read(tmp_path)
    with pytest.raises(UsageError, match=r"cannot write the report to .*file: "):
        Writer(tmp_path / "file")


@pytest.mark.parametrize(
    ("verdicts", "found"),
    [
        ([C, C], C),
        ([C, N], N),
        ([U, N], N),
        ([C, U], U),
        ([UNSUPPORTED, U], U),
        ([UNSUPPORTED, C], C),
        ([SKIPPED, UNSUPPORTED], UNSUPPORTED),
        ([SKIPPED], SKIPPED),
    ],
)
def test_the_worst_test_decides_on_a_requirement(verdicts: list[Verdict], found: Verdict) -> None:
    assert judged(*(("a.b", one) for one in verdicts)).by_requirement() == {"a.b": found}


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(Verdict)), max_size=8))
def test_by_requirement_takes_the_worst_in_any_order(verdicts: list[tuple[str, Verdict]]) -> None:
    order = list(Verdict)
    worst = {
        name: order[min(order.index(verdict) for other, verdict in verdicts if other == name)] for name, _ in verdicts
    }
    assert judged(*verdicts).by_requirement() == worst
    assert judged(*reversed(verdicts)).by_requirement() == worst


@pytest.mark.parametrize(("verdict", "found"), [(C, NOT_RUN), (N, N)])
def test_a_requirement_with_a_test_missing_is_not_judged_unless_it_is_broken(verdict: Verdict, found: Verdict) -> None:
    selected = {"0": "a.b", "missing": "a.b", "other": "c.d"}
    results = judged(("a.b", verdict), selected=selected, complete=False)
    assert results.by_requirement() == {"a.b": found, "c.d": NOT_RUN}


@pytest.mark.parametrize(
    ("results", "code", "outcome"),
    [
        (judged(("a", C)), ExitCode.CONFORMANT, "success"),
        (judged(("a", C), ("b", UNSUPPORTED), ("c", SKIPPED)), ExitCode.CONFORMANT, "success"),
        (judged(("a", C), ("b", N)), ExitCode.NONCONFORMANT, "failure"),
        (judged(("a", U), ("b", N)), ExitCode.NONCONFORMANT, "failure"),
        (judged(("a", N), complete=False), ExitCode.NONCONFORMANT, "failure"),
        (judged(("a", C), ("b", U)), ExitCode.COULD_NOT_JUDGE, "partial"),
        (judged(("a", C), complete=False), ExitCode.COULD_NOT_JUDGE, "partial"),
        (judged(("a", C), selected={"0": "a", "1": "b"}), ExitCode.COULD_NOT_JUDGE, "partial"),
        (judged(("a", UNSUPPORTED), ("b", SKIPPED)), ExitCode.COULD_NOT_JUDGE, "partial"),
        (judged(), ExitCode.COULD_NOT_JUDGE, "partial"),
        (Results({}, []), ExitCode.COULD_NOT_JUDGE, "partial"),
    ],
)
def test_exit_code_and_outcome_follow_from_the_verdicts(results: Results, code: ExitCode, outcome: str) -> None:
    assert (results.exit_code(), results.outcome()) == (code, outcome)


def test_requirements_are_counted_and_not_tests_the_worst_verdict_first() -> None:
    results = judged(("a", C), ("a", C), ("b", UNSUPPORTED), ("c", N), ("d", C), selected=None)
    assert results.counts() == "1 nonconformant, 2 conformant, 1 unsupported"
    assert Results({}, []).counts() == ""
