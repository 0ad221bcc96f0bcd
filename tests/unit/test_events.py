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
    one = {"addresses": ["10.0.0.1"]}
    endpoints = [one | {"conditions": {"ready": True}}, one | {"conditions": {"ready": False}}, one]
    assert what("EndpointSlice", endpoints=endpoints) == (
        "2 of 3 endpoints ready: 10.0.0.1, 10.0.0.1 (not ready), 10.0.0.1"
    )
    assert what("EndpointSlice", endpoints=None) == "0 of 0 endpoints ready"


def test_an_endpoint_slice_says_whose_it_is_and_the_first_of_its_endpoints() -> None:
    one = {"addresses": ["10.0.0.1", "10.0.0.2"], "hostname": "web-0"}
    two = {"addresses": ["10.0.0.3"], "conditions": {"ready": False}}
    labels = {"labels": {"kubernetes.io/service-name": "web"}}
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "", "port": 53, "protocol": "UDP"}]
    assert what("EndpointSlice", meta=labels, endpoints=[one, two], ports=ports) == (
        "1 of 2 endpoints of web ready: web-0 10.0.0.1 10.0.0.2, 10.0.0.3 (not ready); ports http 80/TCP, 53/UDP"
    )
    assert what("EndpointSlice", endpoints=[two] * 13).endswith(f"ready: {'10.0.0.3 (not ready), ' * 12}…")


def test_a_service_has_a_type_and_its_addresses() -> None:
    assert what("Service", spec={"type": "ClusterIP", "clusterIPs": ["None"]}) == "ClusterIP None"
    assert what("Service", spec={"type": "ExternalName", "externalName": "a.test"}) == "ExternalName; to a.test"


def test_a_service_says_what_it_selects_publishes_and_offers() -> None:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"port": 81}]
    spec = {"selector": {"app": "web", "tier": "a"}, "publishNotReadyAddresses": True, "ports": ports}
    assert what("Service", spec=spec) == (
        "ClusterIP; selects app=web, tier=a; ports http 80/TCP, 81/TCP; publishes what is not ready"
    )


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
