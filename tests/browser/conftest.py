"""A real Chromium for the pages: Debian's, installed when missing, as root on Debian."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tools import packages
from tools.command import why_not_here

CHROMIUM = {"chromium": "chromium"}
SECONDS = 60.0
"""How long a busy machine may take to show what is waited for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if all(map(shutil.which, CHROMIUM)) or not why_not_here():
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="there is no Chromium, and Debian's cannot be installed here"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=SECONDS * 1000)
    packages.need(CHROMIUM, "the pages are opened in a real browser")
    with sync_playwright() as playwright:
        # As root, Chromium has no sandbox of its own; what it opens here is a file of ours.
        made = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield made
        made.close()
