"""A page in a browser, and what went wrong in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

DESKTOP, PHONE = (1280, 900), (390, 844)
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
def opened(
    browser: Browser, path: Path, size: tuple[int, int] = DESKTOP, scheme: Scheme = "light", part: str = ""
) -> Iterator[Opened]:
    """Open a file, at one of its parts, as somebody with a screen of this size does."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
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
    assert {url.partition("#")[0] for url in found.fetched} == {path.as_uri()}, found.fetched
