"""What is otherwise after an upgrade, and what of it is worse."""

from __future__ import annotations

from dataclasses import replace

from kube_dns_conformance.clusters.base import Capability
from kube_dns_conformance.results import Verdict
from kube_dns_conformance.upgrade import difference
from kube_dns_conformance.upgrade.snapshot import Snapshot
from reports_samples import verdicts

WEB = "web.shop.svc.cluster.local. A"
BEFORE = Snapshot(
    taken=100.0,
    kubernetes="1.36.3",
    zone="cluster.local",
    addresses=("10.96.0.10",),
    replicas=("10.244.0.2", "10.244.0.3"),
    software=("coredns 1.12.0",),
    features=(Capability.IPV4, Capability.POD_RECORDS),
    configuration={"kube-system/coredns/Corefile": "cluster.local { kubernetes }"},
    records={WEB: {"promised": "10.96.7.7", "said": "NOERROR 10.96.7.7"}},
    denied_for=30,
    wrong={},
    unknown={},
)


def test_what_could_not_be_judged_is_known() -> None:
    after = verdicts(a=Verdict.UNKNOWN, b=Verdict.CONFORMANT, c=Verdict.UNSUPPORTED)
    assert difference.unknown(after) == ["a"]


def test_what_is_the_same_is_not_told() -> None:
    assert list(difference.information(BEFORE, BEFORE)) == []
    assert difference.otherwise(BEFORE, BEFORE) == []


def test_what_is_otherwise_and_wrong_in_no_way_is_told() -> None:
    after = replace(
        BEFORE,
        kubernetes="1.37.2",
        software=("coredns 1.14.7",),
        replicas=("10.244.0.9",),
        configuration={"kube-system/coredns/Corefile": "."},
        denied_for=5,
    )
    assert list(difference.information(BEFORE, after)) == [
        "Kubernetes: 1.36.3 before, 1.37.2 after",
        "DNS: coredns 1.12.0 before, coredns 1.14.7 after",
        "DNS replicas: 2 before, 1 after",
        "that a name does not exist may be kept for: 30 s before, 5 s after",
        "the configuration kube-system/coredns/Corefile is not the same as before",
    ]


def test_only_what_is_promised_as_before_can_be_answered_otherwise() -> None:
    moved = {WEB: {"promised": "10.96.8.8", "said": "NOERROR 10.96.8.8"}}
    lying = {WEB: {"promised": "10.96.7.7", "said": "NOERROR 10.96.8.8"}}
    assert difference.otherwise(BEFORE, replace(BEFORE, records=moved)) == []
    assert difference.otherwise(BEFORE, replace(BEFORE, records={})) == []
    said = (WEB, "NOERROR 10.96.7.7", "NOERROR 10.96.8.8")
    assert difference.otherwise(BEFORE, replace(BEFORE, records=lying)) == [said]


def test_a_snapshot_is_read_as_it_was_kept() -> None:
    assert Snapshot.from_data(BEFORE.as_data()) == BEFORE
