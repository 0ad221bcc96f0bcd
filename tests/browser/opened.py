"""A page in a browser, and what went wrong in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

SCREENS = Path(os.environ.get("KDC_SCREENSHOTS", Path(__file__).parents[2] / "kdc-report" / "screenshots"))
"""Where pictures of the pages are kept: CI can show them."""
DESKTOP, PHONE = (1280, 900), (390, 844)
WITHIN = ("data:", "blob:")
"""What a page takes out of itself."""
Scheme = Literal["light", "dark"]


@dataclass
class Opened:
    """A page, what its console said, and what it asked for beside itself."""

    page: Page
    said: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def shown(self) -> list[str]:
        """The requirements that can be seen."""
        return self.page.locator("details[data-state]:visible summary code").all_inner_texts()

    def is_wider_than_the_screen(self) -> bool:
        """Whether one has to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@contextmanager
def opened(browser: Browser, path: Path, part: str = "") -> Iterator[Opened]:
    """Open a file, at one of its parts."""
    page = browser.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    found = Opened(page)
    page.on("console", lambda message: found.said.append(message.text))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("dialog", lambda dialog: found.said.append(dialog.message))
    page.on("request", lambda request: found.fetched.append(request.url))
    try:
        page.goto(f"{path.as_uri()}{part}")
        yield found
    finally:
        page.close()
    assert not found.said, found.said
    elsewhere = [url for url in found.fetched if not url.startswith(WITHIN)]
    assert {url.partition("#")[0] for url in elsewhere} == {path.as_uri()}, elsewhere


def keep_picture(page: Page, name: str) -> None:
    """Keep the whole page as it looks now."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}.png", full_page=True)
