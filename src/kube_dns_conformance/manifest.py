"""Manifests: Kubernetes objects as YAML, one file for each situation."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from kube_dns_conformance.kube import RUN_LABEL, Object
from kube_dns_conformance.resources import folder

ENDPOINTS = "kube-dns-conformance/endpoints"
"""Annotation of an EndpointSlice: ``150 from 198.18.4.0`` makes that many endpoints with addresses in a row."""

UNNEEDED = {"automountServiceAccountToken": False, "enableServiceLinks": False}
"""What every Pod has unless it says otherwise, none of ours uses, and its node spends time on."""


def path(name: str) -> Path:
    """The file of a situation, for example ``headless/address``."""
    return folder("manifests") / f"{name}.yaml"


def load(name: str, run: str) -> Iterator[Object]:
    """The objects of a situation, labelled as belonging to ``run``. Nobody's namespace is set yet."""
    for item in yaml.safe_load_all(path(name).read_text()):
        label(item, run)
        if "template" in item.get("spec", {}):
            label(item["spec"]["template"], run)
        for spec in pod_specs([item]):
            spec |= {**UNNEEDED, **spec}
        if many := item["metadata"].get("annotations", {}).get(ENDPOINTS):
            item["endpoints"] = list(_in_a_row(*many.split(" from ")))
        yield item


def pod_specs(items: Iterable[Object]) -> Iterator[Object]:
    """The specifications of the Pods that objects are or make."""
    for item in items:
        if item["kind"] == "Pod":
            yield item["spec"]
        elif "template" in item.get("spec", {}):
            yield item["spec"]["template"]["spec"]


def label(item: Object, run: str) -> None:
    """Mark an object as belonging to ``run``."""
    item["metadata"].setdefault("labels", {})[RUN_LABEL] = run


def _in_a_row(count: str, first: str) -> Iterator[Object]:
    for number in range(int(count)):
        yield {"addresses": [str(ipaddress.ip_address(first) + number)], "conditions": {"ready": True}}
