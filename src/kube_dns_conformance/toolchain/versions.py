"""Versions as they are written on the command line."""

from __future__ import annotations

from collections.abc import Iterable

from kube_dns_conformance.errors import UsageError


def parse_versions(texts: Iterable[str]) -> dict[str, str]:
    """``NAME=VERSION`` texts as a mapping. Raises UsageError for anything else."""
    versions = {}
    for text in texts:
        name, separator, version = text.partition("=")
        if not (name and separator and version):
            raise UsageError(f"--tool-version {text}: say NAME=VERSION, for example kubernetes=1.37.2")
        versions[name] = version
    return versions
