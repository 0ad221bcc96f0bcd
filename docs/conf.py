"""How the site is built: ``make site``. The pages are plain Markdown, and can be read on their own as well."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

project = "kube-dns-conformance"
extensions = ["myst_parser"]
myst_heading_anchors = 3
highlight_language = "none"
html_theme = "furo"
html_title = project
html_extra_path = ["published.html"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

OUTSIDE = re.compile(r"\[`?([^\]`]+)`?\]\(\.\./([^)]+)\)")
WHOLE_PAGE = re.compile(r"\[([^\]]+)\]\((published\.html)\)")


def name_what_is_outside(_app: Sphinx, _page: str, source: list[str]) -> None:
    """The site holds docs/ alone: a file elsewhere in the repository is named there, and linked only where it is."""

    def named(link: re.Match[str]) -> str:
        text, path = link.groups()
        return f"`{path}`" if text in path else f"{text} (`{path}`)"

    # Sphinx would have it downloaded, and nobody look at it.
    source[0] = WHOLE_PAGE.sub(r'<a href="\2">\1</a>', OUTSIDE.sub(named, source[0]))


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", name_what_is_outside)
