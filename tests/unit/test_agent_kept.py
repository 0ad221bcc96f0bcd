"""What an agent keeps in files of what it has seen, for the agent that is started anew in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_dns_conformance.agent.kept import Before, Kept, all_in
from kube_dns_conformance.agent.observations import Said, Seen, packed

FIRST, SECOND = Said.of(b"\x00\x01"), Said.of(b"", "no answer within 2 s", cut=True)
SEEN = [Seen(0, 10.0, 0.5, 0), Seen(1, 10.25, 0.5, 1), Seen(0, 11.0, 0.5, 0)]
ORDER = b'{"slot": 1}'


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    made = Kept(tmp_path, "a")
    made.begin(ORDER)
    made.add(1, 0, [FIRST], packed(SEEN[:1]))
    made.add(2, 1, [SECOND], packed(SEEN[1:]))
    return made


def read(folder: Path) -> list[Before]:
    return [before for _, before in all_in(folder)]


@pytest.mark.usefixtures("kept")
def test_all_that_was_kept_is_read_again(tmp_path: Path) -> None:
    everything = [Before(ORDER, [FIRST, SECOND], packed(SEEN), 0, 2, 1)]
    assert read(tmp_path) == everything
    assert read(tmp_path) == everything  # nothing changes by being read


def test_what_nobody_needs_any_more_is_counted_and_no_longer_there(kept: Kept, tmp_path: Path) -> None:
    kept.forget(2, 3, 1, packed(SEEN[2:]))
    kept.add(4, 1, [], packed(SEEN[:1]))
    assert read(tmp_path) == [Before(ORDER, [FIRST, SECOND], packed([SEEN[2], SEEN[0]]), 2, 4, 1)]


@pytest.mark.parametrize("cut", range(1, 24))
def test_who_is_killed_while_writing_loses_the_observation_that_was_being_written(
    kept: Kept, tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "a.seen"
    path.write_bytes(path.read_bytes()[:-cut])
    ((again, before),) = all_in(tmp_path)
    assert before == Before(ORDER, [FIRST, SECOND], packed(SEEN[:2]), 0, 2, 1)
    again.add(3, 2, [], packed(SEEN[2:]))
    assert read(tmp_path) == [Before(ORDER, [FIRST, SECOND], packed(SEEN), 0, 3, 2)]


@pytest.mark.parametrize("cut", range(1, 20))
def test_and_what_was_being_said_before_it_was_seen(tmp_path: Path, cut: int) -> None:
    kept = Kept(tmp_path, "a")
    kept.begin(ORDER)
    kept.add(1, 0, [FIRST, SECOND], packed(SEEN[:1]))
    path = tmp_path / "a.said"
    path.write_bytes(path.read_bytes()[:-cut])
    ((again, before),) = all_in(tmp_path)
    assert (before.said, before.seen) == ([FIRST], packed(SEEN[:1]))
    again.add(3, 2, [SECOND], packed(SEEN[1:]))
    assert read(tmp_path) == [Before(ORDER, [FIRST, SECOND], packed(SEEN), 0, 3, 2)]


@pytest.mark.usefixtures("kept")
def test_what_was_seen_without_what_was_said_is_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "a.said").write_bytes(b"")
    assert read(tmp_path) == []


@pytest.mark.usefixtures("kept")
def test_what_was_seen_before_the_machine_was_started_anew_is_of_no_use(tmp_path: Path) -> None:
    order = tmp_path / "a.order"
    order.write_bytes(b"of another start\n{}")
    assert read(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("text", [b"", b"7 \n", b"[]\n", b'["!", 1]\n', b"\xff\xff\n", b'{"a": 1}\n'])
@pytest.mark.parametrize("which", ["a.said", "a.seen", "a.order"])
def test_files_that_say_something_else_stop_nobody(tmp_path: Path, which: str, text: bytes) -> None:
    (tmp_path / which).write_bytes(text)
    read(tmp_path)
    assert len(list(tmp_path.iterdir())) in (0, 3)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("which", ["order", "said", "seen"])
def test_what_is_not_there_as_a_whole_is_deleted(tmp_path: Path, which: str) -> None:
    (tmp_path / f"a.{which}").unlink()
    (tmp_path / "a.seen.new").write_bytes(b"half")
    assert read(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "nowhere", "a")
    kept.begin(ORDER)
    kept.add(1, 0, [FIRST], packed(SEEN[:1]))
    kept.forget(1, 1, 0, b"")
    kept.end()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_leaves_nothing_behind_that_has_a_gap(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "a.seen").unlink()
    (tmp_path / "a.seen").mkdir()  # as little can be added to this
    kept.add(3, 1, [], packed(SEEN))
    kept.add(4, 1, [], packed(SEEN))
    assert read(tmp_path) == []
