"""What happened to the objects, on the axis of a timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kube_dns_conformance import oracle
from kube_dns_conformance.kube import Object

TRIGGERED = "endpoints.kubernetes.io/last-change-trigger-time"
"""Of an EndpointSlice: when what it was written for changed. Kubernetes measures DNS programming from then on."""

ENDPOINTS_SHOWN = 12


@dataclass(frozen=True)
class Event:
    """One change of one object, or something else that was done. ``at`` is when it was heard of here (epoch seconds).

    ``own`` are the times that the object itself bears, in RFC 3339: they come from the clocks of the control plane and
    the nodes, and most of them are whole seconds.
    """

    at: float
    kind: str
    namespace: str
    name: str
    what: str
    own: dict[str, str] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """For ``results.jsonl``."""
        return {"at": round(self.at, 3), "kind": self.kind, "name": self.name, "what": self.what, "own": self.own}


def event(kind: str, item: Object, at: float, *, is_gone: bool) -> Event:
    """The change that left an object like this, or took it away."""
    meta = item["metadata"]
    if is_gone:
        what = "is gone"
    elif meta.get("deletionTimestamp"):
        what = f"is on its way out, {_state(kind, item)}"
    else:
        what = _state(kind, item)
    return Event(at, kind, meta.get("namespace", ""), meta["name"], what, _own_times(item))


def described(kind: str, item: Object) -> str:
    """An object in one line, as far as DNS depends on it."""
    return f"{kind} {item['metadata']['name']}: {event(kind, item, 0.0, is_gone=False).what}"


def _state(kind: str, item: Object) -> str:
    if kind == "Pod":
        where = " ".join(one["ip"] for one in oracle.pod_ips(item))
        return f"{'ready' if oracle.has_condition(item, 'Ready') else 'not ready'}{f' at {where}' if where else ''}"
    if kind == "EndpointSlice":
        return _slice_state(item)
    if kind == "Service":
        return _service_state(item.get("spec", {}))
    wanted, ready = item.get("spec", {}).get("replicas", 1), item.get("status", {}).get("readyReplicas", 0)
    return f"{ready} of {wanted} replicas ready"


def _service_state(spec: Object) -> str:
    selector = ", ".join(f"{key}={text}" for key, text in (spec.get("selector") or {}).items())
    parts = (
        f"{spec.get('type', 'ClusterIP')} {' '.join(spec.get('clusterIPs') or [])}".rstrip(),
        _unless_empty("to ", spec.get("externalName") or ""),
        _unless_empty("selects ", selector),
        _unless_empty("ports ", _ports(spec)),
        "publishes what is not ready" if spec.get("publishNotReadyAddresses") else "",
    )
    return "; ".join(filter(None, parts))


def _slice_state(item: Object) -> str:
    endpoints = item.get("endpoints") or []
    service = (item["metadata"].get("labels") or {}).get(oracle.SERVICE_LABEL, "")
    ready = sum(map(oracle.is_ready_endpoint, endpoints))
    said = f"{ready} of {len(endpoints)} endpoints{_unless_empty(' of ', service)} ready"
    shown = [*map(_endpoint, endpoints[:ENDPOINTS_SHOWN]), *(["…"] if len(endpoints) > ENDPOINTS_SHOWN else [])]
    return f"{said}{_unless_empty(': ', ', '.join(shown))}{_unless_empty('; ports ', _ports(item))}"


def _unless_empty(before: str, text: str) -> str:
    return f"{before}{text}" if text else ""


def _endpoint(one: Object) -> str:
    words = [
        one.get("hostname") or "",
        *(one.get("addresses") or []),
        "" if oracle.is_ready_endpoint(one) else "(not ready)",
    ]
    return " ".join(filter(None, words))


def _ports(item: Object) -> str:
    ports = item.get("ports") or []
    return ", ".join(f"{one.get('name') or ''} {one.get('port')}/{one.get('protocol', 'TCP')}".strip() for one in ports)


def _own_times(item: Object) -> dict[str, str]:
    meta = item["metadata"]
    became_ready = [
        one.get("lastTransitionTime")
        for one in item.get("status", {}).get("conditions", [])
        if one.get("type") == "Ready"
    ]
    known = {
        "created": meta.get("creationTimestamp"),
        "deleted": meta.get("deletionTimestamp"),
        "readiness changed": next(iter(became_ready), None),
        "triggered": (meta.get("annotations") or {}).get(TRIGGERED),
    }
    return {name: str(time) for name, time in known.items() if time}
