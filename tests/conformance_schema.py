"""The published schema of conformance.yaml, as its readers use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from kube_dns_conformance.resources import folder

SCHEMA = json.loads((folder("reports") / "conformance.schema.json").read_text())


def mistakes(document: Any) -> list[str]:
    """What the schema says against a document: nothing for a right one."""
    return [error.json_path for error in Draft202012Validator(SCHEMA).iter_errors(document)]


def read_report(path: Path) -> Any:
    """The report of a run, once the schema has nothing against it."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert mistakes(document) == []
    return document
