"""The container images that the suite's own Pods need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

AGENT_IMAGE = "python:3.13-slim"
"""Any image with ``python3`` 3.9 or newer on its PATH will do."""
AGENT_IMAGE_MUSL = "python:3.13-alpine"


def image(name: str, registry: str = "") -> str:
    """The name under which to pull an image: from ``registry``, a host with an optional path, when there is one.

    Only the host in front is exchanged: ``quay.io/a:1`` becomes ``REGISTRY/a:1``, ``python:3`` ``REGISTRY/python:3``.
    """
    if not registry:
        return name
    host, slash, rest = name.partition("/")
    has_host = slash and ("." in host or ":" in host or host == "localhost")
    return f"{registry.rstrip('/')}/{rest if has_host else name}"


def version_in(name: str) -> tuple[str, str]:
    """What an image says of itself by its name: ``registry.k8s.io/coredns/coredns:v1.12.0`` is coredns 1.12.0.

    Without a tag the version is empty: a digest says none.
    """
    last, _, tag = name.partition("@")[0].rpartition("/")[2].partition(":")
    return last, tag[1:] if tag[:1] == "v" and tag[1:2].isdigit() else tag


def take_from(items: Iterable[dict[str, Any]], registry: str) -> None:
    """Let the Pods of these workloads take their images from ``registry``, when there is one."""
    for item in items:
        template = item.get("spec", {}).get("template", item)
        for container in template.get("spec", {}).get("containers", []):
            container["image"] = image(container["image"], registry)
