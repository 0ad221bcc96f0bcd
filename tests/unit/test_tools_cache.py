"""What takes long to make is made once, and is there as a whole or not at all."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tools import cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KDC_CACHE", str(tmp_path))
    return tmp_path / "images"


def test_it_is_made_once_for_a_recipe_and_anew_for_another(folder: Path) -> None:
    made: list[str] = []

    def make(new: Path, work: Path) -> None:
        assert list(work.iterdir()) == []
        new.write_text("content")
        made.append(new.parent.name)

    first = cache.cached("node-1.36.3.tar", ["kind 0.33.0"], make)
    assert cache.cached("node-1.36.3.tar", ["kind 0.33.0"], make) == first
    other = cache.cached("node-1.36.3.tar", ["kind 0.34.0"], make)
    assert (len(made), first.parent, first.read_text()) == (2, folder, "content")
    assert first.name.startswith("node-1.36.3-")
    assert first.name.endswith(".tar")
    assert other != first


def test_the_key_follows_the_content_of_files_and_not_only_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_HERE", tmp_path)
    (tmp_path / "recipe.py").write_text("one")
    before = cache.key("recipe.py", "1.36.3")
    (tmp_path / "recipe.py").write_text("two")
    assert cache.key("recipe.py", "1.36.3") != before
    assert cache.key("ab", "c") != cache.key("a", "bc")


@pytest.mark.parametrize("reason", [RuntimeError("no"), KeyboardInterrupt()])
def test_what_is_cut_off_leaves_nothing(folder: Path, reason: BaseException) -> None:
    def make(new: Path, work: Path) -> None:
        new.write_text("half")
        (work / "scratch").write_text("")
        raise reason

    with pytest.raises(type(reason)):
        cache.cached("a.tar", [], make)
    assert [path.name for path in folder.iterdir() if not path.name.endswith(".lock")] == []


def test_what_a_killed_process_left_is_removed_by_the_next(folder: Path) -> None:
    name = f"a-{cache.key()}.tar"
    left = folder / f".{name}.work.12345678" / "scratch"
    left.mkdir(parents=True)
    cache.cached("a.tar", [], lambda new, _work: new.touch())
    assert {path.name for path in folder.iterdir()} == {name, f".{name}.lock"}


def test_two_at_once_make_it_once(folder: Path) -> None:
    made: list[int] = []

    def make(new: Path, _work: Path) -> None:
        time.sleep(0.1)
        made.append(1)
        new.touch()

    threads = [threading.Thread(target=cache.cached, args=("a.tar", [], make)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
