"""The site of docs/: what leads nowhere fails its build, and a page loads nothing from anywhere else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from documents import ROOT, simple_commands

INDEX = """# Index

[The other](other.md#a-heading), [src/](../src/code.py), [a file](../src/other.py),
[a whole page](published.html), ![a picture](example.svg)

```{toctree}
other
```
"""
OTHER = "# Other\n\n## A heading\n\nText.\n"


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build a site as `make site` does, from the pages in this folder."""
    for name in ("conf.py", "example.svg", "published.html"):
        shutil.copy(ROOT / "docs" / name, folder)
    recipe = subprocess.run(
        ["make", "--dry-run", "--assume-old=.venv/ready", "site"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ((_, *arguments),) = simple_commands(recipe.stdout)
    assert [one for one in simple_commands((ROOT / "tox.ini").read_text()) if one[1:] == arguments], "not in make test"
    places = {"docs": str(folder), "build/site": str(folder / "site"), "build/doctrees": str(folder / "doctrees")}
    return subprocess.run(
        [sys.executable, *(places.get(one, one) for one in arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.md").write_text(INDEX)
    (folder / "other.md").write_text(OTHER)
    done = build(folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "site"


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    page = (site / "index.html").read_text()
    loaded = re.findall(r"(?:<(?:script|img)[^>]*src|<link[^>]*href)=\"([^\"]+)\"", page)
    assert loaded
    assert [one for one in loaded if ":" in one or one.startswith("//")] == []
    styles = "".join(one.read_text() for one in site.rglob("*.css"))
    assert re.findall(r"@import|url\((?!['\"]?data:)[^)]*//", styles) == []


def test_what_is_outside_is_named(site: Path) -> None:
    words = re.sub(r"<[^>]+>", "", (site / "index.html").read_text())
    assert "The other, src/code.py, a file (src/other.py)," in words


def test_a_page_that_is_whole_is_led_to_as_it_is(site: Path) -> None:
    assert '<a href="published.html">a whole page</a>' in (site / "index.html").read_text()
    assert (site / "published.html").read_text() == (ROOT / "docs" / "published.html").read_text()


def test_what_leads_nowhere_fails_and_so_does_what_nothing_leads_to(tmp_path: Path) -> None:
    wrong = "\n[x](other.md#another), [x](nowhere.md), ![x](nothing.svg)\n"
    (tmp_path / "index.md").write_text(INDEX + wrong)
    (tmp_path / "other.md").write_text(OTHER)
    (tmp_path / "lonely.md").write_text(OTHER)
    done = build(tmp_path)
    assert done.returncode == 1
    assert sorted(re.findall(r"WARNING: (.*?)(?: \[.*)?$", done.stderr, re.MULTILINE)) == [
        "'myst' cross-reference target not found: 'nowhere.md'",
        "document isn't included in any toctree",
        "image file not readable: nothing.svg",
        "local id not found in doc 'other': 'another'",
    ]
