"""What the benchmark reads out of the report of Kubernetes' own e2e tests."""

from __future__ import annotations

import json
import re
from typing import Any

from benchmarks.kubernetes_e2e import e2e, faults
from faults import FAULTS


def event(kind: str, message: str, second: float) -> dict[str, Any]:
    return {"SpecEventType": kind, "Message": message, "TimelineLocation": {"Time": time(second)}}


def time(second: float) -> str:
    return f"2026-11-26T10:00:{second:012.9f}+01:00"


def spec(name: str, state: str, began: float, ended: float, *events: dict[str, Any]) -> dict[str, Any]:
    return {
        "ContainerHierarchyTexts": ["[sig-network] DNS"],
        "LeafNodeType": "It",
        "LeafNodeText": name,
        "State": state,
        "StartTime": time(began),
        "EndTime": time(ended),
        "RunTime": int((ended - began) * 1e9),
        "SpecEvents": list(events) or None,
    }


SET_UP = spec("", "passed", 0, 1) | {"LeafNodeType": "SynchronizedBeforeSuite", "ContainerHierarchyTexts": None}
SERVICES = spec(
    "should provide DNS for services [Conformance]",
    "passed",
    1,
    6,
    event("By", "Creating a kubernetes client", 1),
    event("By", "submitting the pod to kubernetes", 1.5),
    event("By", "retrieving the pod", 3.5),
    event("By", "looking for the results for each expected name from probers", 3.75),
    event("By", "deleting the pod", 5.25),
)
OTHERS = [spec("should be slow", "skipped", 0, 0), spec("should come", "pending", 0, 0)]


def test_only_tests_that_ran_have_a_verdict() -> None:
    failed = spec("should support ExternalName [Conformance]", "failed", 6, 7)
    finished = e2e.read([{"SpecReports": [SET_UP, SERVICES, *OTHERS, failed]}], seconds=9.0)
    assert finished.verdicts == {
        "[sig-network] DNS should provide DNS for services [Conformance]": "passed",
        "[sig-network] DNS should support ExternalName [Conformance]": "failed",
    }
    assert not finished.good("passed")


def test_every_second_belongs_to_one_part_of_the_run() -> None:
    finished = e2e.read(json.loads(json.dumps([{"SpecReports": [SET_UP, SERVICES, *OTHERS]}])), seconds=7.5)
    assert finished.good("passed")
    assert finished.spent == {
        "before and after the tests": 2.5,
        "waiting for Pods": 2.0,
        "asking": 1.5,
        "namespaces and clean-up": 1.5,
    }


def test_a_run_that_judged_nothing_is_not_good() -> None:
    assert not e2e.read([{"SpecReports": [SET_UP, *OTHERS]}], seconds=1.0).good("passed")


def test_the_published_page_is_that_of_every_fault_there_is() -> None:
    found = faults.read()
    assert [one.fault for one in found] == list(FAULTS)
    assert faults.PAGE.read_text() == faults.page(found)


def test_the_readme_says_what_the_page_says() -> None:
    of, noticed = re.findall(r"Of (\d+) \[lies\].*? notice (\d+)", faults.PAGE.read_text(), re.DOTALL)[0]
    text = " ".join((faults.ROOT / "README.md").read_text().split())
    assert (
        f"Of the {of} lies, [Kubernetes' own DNS conformance tests](docs/kubernetes-e2e.md) notice {noticed}." in text
    )


def test_the_page_of_lies_has_both_columns_and_counts_what_was_noticed() -> None:
    failed = ["[sig-network] DNS should provide DNS for services [Conformance]", "[sig-network] DNS should be slow"]
    text = faults.page(
        [
            faults.Outcome("ptr-missing", failed, 150.0, 900, "2 cores"),
            faults.Outcome("ttl-zero", [], 50.0, 800, "2 cores"),
            faults.Outcome("other-order", [], 50.0, 800, "2 cores"),
        ]
    )
    assert "Of 2 [lies](faults.md) the eight tests" in text
    assert "this page (2 cores); how long each run took is in\n" in text
    assert (
        "| about | lies | noticed by Kubernetes' |\n|---|---|---|\n| `clusterip` | 1 | 1 |\n| `ttl` | 1 | 0 |\n" in text
    )
    assert " notice 1: one or\n" in text
    assert (
        "| `ptr-missing` | No address leads to a name. | `clusterip.ptr.ipv4` | should provide DNS for services; "
        "should be slow |\n"
    ) in text
    assert "| `ttl-zero` | No record may be kept. | `ttl.records.can-be-kept` | – |\n" in text
    assert "| `other-order` | Records come in the order of their names and rdata, the last first. | – | – |\n" in text
