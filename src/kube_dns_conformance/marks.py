"""How tests, fixtures and the plugin find each other: the requirement mark and what is kept on pytest's objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_dns_conformance.evidence import Evidence
from kube_dns_conformance.requirements import Requirement, catalogue
from kube_dns_conformance.results import Writer
from kube_dns_conformance.run import Run

RUN = pytest.StashKey[Run]()
WRITER = pytest.StashKey[Writer]()
EVIDENCE = pytest.StashKey[Evidence]()

requirement = pytest.mark.requirement
"""``@requirement("headless.address.ipv4")``: the one requirement that a test judges."""


def requirement_of(item: pytest.Item) -> Requirement:
    """The requirement that a test names. Raises pytest.UsageError for one that is not in the catalogue."""
    mark = item.get_closest_marker("requirement")
    if mark is None or len(mark.args) != 1 or mark.args[0] not in catalogue():
        named = ", ".join(map(str, mark.args)) if mark else "none"
        raise pytest.UsageError(f"{item.nodeid}: not a requirement of the catalogue: {named}")
    return catalogue()[mark.args[0]]


def situation_of(path: Path) -> str:
    """The situation of a suite file: ``suites/survival/test_pod_restart.py`` → ``survival/pod-restart``."""
    return f"{path.parent.name}/{path.stem.removeprefix('test_').replace('_', '-')}"
