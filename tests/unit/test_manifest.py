"""What becomes of a manifest's text."""

from __future__ import annotations

from kube_dns_conformance import manifest


def test_every_object_is_labelled_with_the_run_and_so_are_the_pods_to_come() -> None:
    service, deployment, *_ = manifest.load("headless/address", "run-1")
    assert service["metadata"]["labels"] == {"kube-dns-conformance/run": "run-1"}
    assert deployment["spec"]["template"]["metadata"]["labels"]["kube-dns-conformance/run"] == "run-1"
    assert "namespace" not in service["metadata"]


def test_a_pod_gets_no_token_and_no_variables_of_services_unless_it_asks_for_them() -> None:
    unneeded = {"automountServiceAccountToken": False, "enableServiceLinks": False}
    _, deployment, *_ = manifest.load("headless/address", "run-1")
    assert unneeded.items() <= deployment["spec"]["template"]["spec"].items()
    pods = [item for item in manifest.load("resolver/policy", "run-1") if item["kind"] == "Pod"]
    assert pods
    assert all(unneeded.items() <= pod["spec"].items() for pod in pods)


def test_a_slice_gets_as_many_endpoints_as_its_annotation_says() -> None:
    slices = [item for item in manifest.load("slices/many", "run-1") if item["kind"] == "EndpointSlice"]
    endpoints = {one["metadata"]["name"]: one["endpoints"] for one in slices}
    assert {name: len(some) for name, some in endpoints.items()} == {
        "hundred-fifty-1": 100,
        "hundred-fifty-2": 50,
        "twelve-hundred-1": 600,
        "twelve-hundred-2": 600,
        "twice-1": 2,
        "twice-2": 2,
    }
    many = endpoints["twelve-hundred-1"]
    assert many[0] == {"addresses": ["198.18.8.1"], "conditions": {"ready": True}}
    assert (many[255]["addresses"], many[599]["addresses"]) == (["198.18.9.0"], ["198.18.10.88"])


def test_no_address_made_by_hand_is_in_two_situations() -> None:
    seen: dict[str, str] = {}
    for path in sorted(manifest.path("a/b").parent.parent.glob("*/*.yaml")):
        name = f"{path.parent.name}/{path.stem}"
        if path.parent.name in {"embedded", "kind", "rbac", "agent", "audit"}:
            continue
        for item in manifest.load(name, "run-1"):
            for endpoint in item.get("endpoints", []):
                assert seen.setdefault(endpoint["addresses"][0], name) == name
    assert len(seen) > 1300
