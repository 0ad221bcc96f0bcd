"""What happened to an object, in words, and the times that it bears itself."""

from __future__ import annotations

from typing import Any

import pytest

from kube_dns_conformance.events import TRIGGERED, Event, event

META = {"namespace": "shop", "name": "web-1"}
READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2030-03-17T17:46:40Z"}


def what(kind: str, *, is_gone: bool = False, meta: dict[str, Any] | None = None, **item: Any) -> str:
    return event(kind, {"metadata": META | (meta or {}), **item}, 1.0, is_gone=is_gone).what


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "not ready"),
        ({"podIPs": [{"ip": "10.0.0.1"}]}, "not ready at 10.0.0.1"),
        ({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}], "conditions": [READY]}, "ready at 10.0.0.1 fd00::1"),
    ],
)
def test_a_pod_is_ready_or_not(status: dict[str, Any], said: str) -> None:
    assert what("Pod", status=status) == said
    assert what("Pod", status=status, meta={"deletionTimestamp": "x"}) == f"is on its way out, {said}"
    assert what("Pod", status=status, is_gone=True) == "is gone"


def test_an_endpoint_slice_has_endpoints_and_those_that_say_nothing_are_ready() -> None:
    endpoints = [{"conditions": {"ready": True}}, {"conditions": {"ready": False}}, {}]
    assert what("EndpointSlice", endpoints=endpoints) == "2 of 3 endpoints ready"
    assert what("EndpointSlice", endpoints=None) == "0 of 0 endpoints ready"


def test_a_service_has_a_type_and_its_addresses() -> None:
    assert what("Service", spec={"type": "ClusterIP", "clusterIPs": ["None"]}) == "ClusterIP None"
    assert what("Service", spec={"type": "ExternalName"}) == "ExternalName"


def test_what_has_replicas_says_how_many_are_ready() -> None:
    assert what("StatefulSet", spec={"replicas": 3}, status={"readyReplicas": 2}) == "2 of 3 replicas ready"


def test_the_times_that_an_object_bears_come_along() -> None:
    pod = {
        "metadata": META | {"creationTimestamp": "2030-03-17T17:46:30Z", "deletionTimestamp": "2030-03-17T17:47:00Z"},
        "status": {"conditions": [{"type": "Initialized"}, READY]},
    }
    heard = event("Pod", pod, 1.23456, is_gone=False)
    assert heard == Event(1.23456, "Pod", "shop", "web-1", "is on its way out, ready", heard.own)
    assert heard.as_data()["own"] == {
        "created": "2030-03-17T17:46:30Z",
        "deleted": "2030-03-17T17:47:00Z",
        "readiness changed": "2030-03-17T17:46:40Z",
    }
    assert heard.as_data()["at"] == 1.235
    triggered = {"metadata": META | {"annotations": {TRIGGERED: "2030-03-17T17:46:40Z"}}}
    assert event("EndpointSlice", triggered, 1.0, is_gone=False).own == {"triggered": "2030-03-17T17:46:40Z"}
