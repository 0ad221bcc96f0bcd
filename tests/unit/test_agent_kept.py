"""What an agent keeps in files of what it has seen, for the agent that is started anew in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_dns_conformance.agent.kept import Kept, all_in
from kube_dns_conformance.agent.observations import Said, Seen

FIRST, SECOND = Said(b"\x00\x01", None, False), Said(b"", "no answer within 2 s", True)
SEEN = [Seen(0, 10.0, 0.5, 0), Seen(1, 10.25, 0.5, 1), Seen(0, 11.0, 0.5, 0)]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    made = Kept(tmp_path, "a")
    made.begin(b"{}")
    made.add(1, 0, [FIRST], SEEN[:1])
    made.add(2, 1, [SECOND], SEEN[1:])
    return made


def read(folder: Path) -> list[tuple[str, bytes, int, int, int, list[Said], list[Seen]]]:
    return [(one.name, one.order, one.forgotten, one.slots, one.missed, one.said, one.seen) for one in all_in(folder)]


@pytest.mark.usefixtures("kept")
def test_all_that_was_kept_is_read_again(tmp_path: Path) -> None:
    assert read(tmp_path) == [("a", b"{}", 0, 2, 1, [FIRST, SECOND], SEEN)]
    assert read(tmp_path) == [("a", b"{}", 0, 2, 1, [FIRST, SECOND], SEEN)]  # nothing changes by being read


def test_what_was_taken_is_counted_and_no_longer_there(kept: Kept, tmp_path: Path) -> None:
    kept.forget(2, 3, 1, SEEN[2:])
    kept.add(4, 1, [], SEEN[:1])
    assert read(tmp_path) == [("a", b"{}", 2, 4, 1, [FIRST, SECOND], [SEEN[2], SEEN[0]])]


@pytest.mark.parametrize("cut", range(2, 40, 3))
def test_whoever_is_killed_while_writing_loses_what_was_being_written_and_nothing_after_it(
    kept: Kept, tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "a.seen"
    path.write_bytes(path.read_bytes()[:-cut])
    (again,) = all_in(tmp_path)
    assert (again.said, again.seen) == ([FIRST, SECOND], SEEN[:1])
    again.add(3, 2, [], SEEN[1:])
    assert read(tmp_path) == [("a", b"{}", 0, 3, 2, [FIRST, SECOND], SEEN)]


@pytest.mark.usefixtures("kept")
def test_what_was_seen_before_the_machine_was_started_anew_is_of_no_use(tmp_path: Path) -> None:
    order = tmp_path / "a.order"
    order.write_bytes(b"of another start\n{}")
    assert read(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("text", [b"7 \n", b"[]\n", b'["!", 1]\n', b"\xff\xff\n", b'{"a": 1}\n'])
@pytest.mark.parametrize("which", ["a.said", "a.seen"])
def test_files_that_say_something_else_stop_nobody(tmp_path: Path, which: str, text: bytes) -> None:
    (tmp_path / which).write_bytes(text)
    for one in all_in(tmp_path):
        assert one.seen in ([], SEEN)
    assert len(list(tmp_path.iterdir())) in (0, 2, 3)


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "nowhere", "a")
    kept.begin(b"{}")
    kept.add(1, 0, [FIRST], SEEN[:1])
    kept.forget(1, 1, 0, [])
    kept.end()


def test_a_disk_that_is_full_leaves_nothing_behind_that_has_a_gap(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "a.seen").unlink()
    (tmp_path / "a.seen").mkdir()  # as little can be added to this
    kept.add(3, 1, [], SEEN)
    kept.add(4, 1, [], SEEN)
    assert read(tmp_path) == []
