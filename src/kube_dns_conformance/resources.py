"""Finds the folders that the package carries."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """``suites`` or ``manifests``: inside the package when installed, at the top of the checkout otherwise."""
    return (PACKAGE / name).resolve()
