"""Engines of our own for the tests of tools/, apart from the one that may be in use on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.machine import Machine
from tools import sandbox
from tools.command import why_not_here


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if why := why_not_here():
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=why))


def machine_in(folder: str) -> Iterator[Machine]:
    made = Machine(Path(folder))
    try:
        yield made
    finally:
        sandbox.stop(made.home)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="kdc-") as folder:  # a socket's path may not be long
        yield from machine_in(folder)


@pytest.fixture(scope="session")
def engine() -> Iterator[Machine]:
    """A running engine for all tests that do not stop it."""
    with tempfile.TemporaryDirectory(prefix="kdc-") as folder:
        for made in machine_in(folder):
            made.engine("up")
            yield made
