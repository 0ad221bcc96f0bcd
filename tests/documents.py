"""The documents for people: what is in them that can be checked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
    ROOT / "reports/published/README.md",
]
EXAMPLES = sorted((ROOT / "examples").iterdir())
OURS = ("kube-dns-conformance", "make", "pytest")
"""What is a command of ours in the middle of a sentence as well."""
THEIRS = ("docker", "kubectl", "sonobuoy")
ENDS_COMMAND = set(";|&{}()<>")
ASSIGNMENT = re.compile(r"[A-Za-z_]+=")


class Block(NamedTuple):
    """A fenced block: the word after the fence, and the text."""

    language: str
    text: str


class Said(NamedTuple):
    """A command in a document, as it is written there and in words."""

    page: str
    text: str
    words: list[str]


def tokens(page: Path) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text()):
        yield token
        yield from token.children or []


def blocks(page: Path) -> list[Block]:
    return [Block(one.info.strip(), one.content) for one in tokens(page) if one.type == "fence"]


def links(page: Path) -> list[str]:
    """Where its links and pictures are, within the repository."""
    found = [str(one.attrs.get("href") or one.attrs.get("src") or "") for one in tokens(page)]
    return [one for one in found if one and ":" not in one]


def anchors(page: Path) -> set[str]:
    """Of its headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def commands() -> Iterator[Said]:
    """Everything that a reader may type."""
    for page in PAGES:
        lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
        lines += [one.content for one in tokens(page) if one.type == "code_inline" and is_ours(one.content)]
        for line in lines:
            if words := shlex.split(line, comments=True):
                yield Said(str(page.relative_to(ROOT)), shlex.join(words), without_variables(words))

    for file in EXAMPLES:
        for words in commands_in(file):
            yield Said(str(file.relative_to(ROOT)), shlex.join(words), words)


def commands_in(example: Path) -> Iterator[list[str]]:
    """Those of an example that are ours, or in its comments as a line that begins a little further to the right."""
    text = example.read_text()
    lines = re.findall(r"^#   (.+)$", text, re.MULTILINE) + re.findall(r"\bsh '(.+)'", text)
    if example.suffix == ".yaml":
        lines += [line for one in yaml.safe_load_all(text) for string in scripts(one) for line in string.splitlines()]
    for line in lines:
        if any(name in line for name in (*OURS, *THEIRS)):
            for words in simple_commands(line):
                if words[1:] and words[0].removeprefix(".venv/bin/") in (*OURS, *THEIRS):
                    yield words


def scripts(node: Any) -> Iterator[str]:
    """Every text below a node, and the command of a container as one line."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for name, one in node.items():
            one_line = name == "command" and "-c" not in one
            yield from scripts(shlex.join(one) if one_line else one)
    elif isinstance(node, list):
        for one in node:
            yield from scripts(one)


def is_ours(code: str) -> bool:
    first, *rest = code.split(" ")
    return first in OURS and bool(rest)


def simple_commands(script: str) -> Iterator[list[str]]:
    """The commands in lines of a shell, each in words."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="".join(ENDS_COMMAND))
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= ENDS_COMMAND:
                if without_variables(words):
                    yield without_variables(words)
                words = []
            else:
                words.append(word)


def without_variables(words: list[str]) -> list[str]:
    """The command itself, without what is set for it."""
    first = next((at for at, word in enumerate(words) if not ASSIGNMENT.match(word)), len(words))
    return words[first:]
