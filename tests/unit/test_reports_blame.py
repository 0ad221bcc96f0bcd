"""What all that is wrong has in common, and at which servers it was seen."""

from __future__ import annotations

from typing import Any

import pytest

from kube_dns_conformance.reports.blame import in_common, seen_at, seen_when, told_alike
from kube_dns_conformance.results import Result, Verdict
from reports_samples import result


def answered(**servers: str) -> Result:
    """What each server's answer differed in, nothing where it is empty."""
    checks = [{"server": name.replace("_", "-"), "differs": text} for name, text in servers.items()]
    return result(Verdict.NONCONFORMANT, "wrong", evidence={"checks": checks})


def followed(**servers: float | None) -> Result:
    """After how many seconds each followed a change, which had 10; none where it never did."""
    windows = [{"server": name.replace("_", "-"), "appeared": after} for name, after in servers.items()]
    change: dict[str, Any] = {"settled": 100.0, "deadline": 110.0, "windows": windows}
    checks = [{"server": name.replace("_", "-"), "differs": ""} for name in servers]
    return result(Verdict.NONCONFORMANT, "late", evidence={"checks": checks, "changes": [change]})


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ([answered(dns_0="", dns_1="missing")], "All of it was seen at dns-1 alone; dns-0 was right."),
        ([followed(dns_0=0.1, dns_1=60.0)], "All of it was seen at dns-1 alone; dns-0 was right."),
        (
            [answered(dns_0="", dns_1="missing", dns_2=""), followed(dns_0=0.1, dns_1=None, dns_2=9.9)],
            "All of it was seen at dns-1 alone; dns-0 and dns-2 were right.",
        ),
        (
            [answered(dns_0="", dns_1="missing", dns_10=""), followed(dns_0=0.1, dns_1=0.1, dns_10=11.0)],
            "All of it was seen at dns-1 and dns-10 alone; dns-0 was right.",
        ),
        ([answered(dns_0="extra", dns_1="missing")], "It was so at every server that was asked."),
        ([answered(dns_0="extra", dns_1=""), answered(dns_0="", dns_1="extra")], ""),
        ([answered(dns_0="extra")], ""),
        ([answered(dns_0="", dns_1="extra"), followed(dns_0=0.1, dns_1=0.1)], ""),
        ([result(Verdict.NONCONFORMANT, "no evidence")], ""),
        ([], ""),
    ],
)
def test_where_it_was_seen_is_said_when_it_is_the_same_for_all(failures: list[Result], said: str) -> None:
    assert seen_at(failures) == said


def told(name: str, *answers: str, expected: str = "10.0.0.1", rcode: str = "NOERROR", problem: str = "") -> Result:
    """One name that was answered these addresses, which differs from what was expected."""
    check = {"server": "dns-0", "name": f"{name}.web.shop.svc.cluster.local.", "type": "A", "expected": expected}
    said = {"problem": problem} if problem else {"rcode": rcode, "answer": [f"5 A {one}" for one in answers]}
    return result(Verdict.NONCONFORMANT, "wrong", evidence={"checks": [check | said | {"differs": "so"}]})


def watched(name: str, *said: str, state: str = "wrong") -> Result:
    """One name that was answered so while it changed from 10.0.0.1 to 10.0.0.2."""
    of = {"name": f"{name}.web.shop.svc.cluster.local.", "type": "A"}
    truth = [of | {"expected": f"10.0.0.{last}"} for last in (1, 2)]
    change = {"truth": truth, "timeline": [of | {"said": one, "state": state} for one in said]}
    return result(Verdict.NONCONFORMANT, "wrong", evidence={"changes": [change]})


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ([told("web-1", "10.0.0.9"), told("web-1", "10.0.0.9")], "The same in all 2: web-1.… is answered 10.0.0.9."),
        (
            [told("web-1", "10.0.0.9"), watched("web-1", "NOERROR 10.0.0.1 10.0.0.9")],
            "The same in all 2: web-1.… is answered 10.0.0.9.",
        ),
        ([told("web-1", "10.0.0.9"), told("db", "10.0.0.9")], "The same in all 2: 10.0.0.9."),
        (
            [told("web-1", "10.0.0.9"), told("web-1", "10.0.0.9"), told("web-1", "10.0.0.8")],
            "The same in 2 of 3: web-1.… is answered 10.0.0.9.",
        ),
        (
            [told("db", "10.0.0.1", "10.0.0.8", "10.0.0.9"), told("db", "10.0.0.9", "10.0.0.8", "10.0.0.7")],
            "The same in all 2: db.… is answered 10.0.0.8 10.0.0.9.",
        ),
        ([told("db", rcode="SERVFAIL"), told("web", rcode="SERVFAIL")], "The same in all 2: SERVFAIL."),
        (
            [told("db", problem="no answer within 2 s"), told("web", problem="no answer within 2 s")],
            "The same in all 2: no answer within 2 s.",
        ),
        ([told("db", "a" * 300), told("db", "a" * 300)], f"The same in all 2: db.… is answered {'a' * 80}."),
        ([told("web-1", "10.0.0.9"), told("web-1", "10.0.0.8")], ""),
        ([told("web-1", "10.0.0.9"), told("web-1", "10.0.0.9"), told("db"), told("db")], ""),
        ([told("db"), told("db")], ""),
        ([told("db", expected="NXDOMAIN"), told("db", expected="NXDOMAIN")], ""),
        ([watched("web-1", "NOERROR 10.0.0.1", state="stale")] * 2, ""),
        ([told("web-1", "10.0.0.9")], ""),
        ([], ""),
    ],
)
def test_a_lie_that_is_the_same_in_most_of_it_is_told_once(failures: list[Result], said: str) -> None:
    assert told_alike(failures) == said


def test_the_lie_comes_first_and_then_when_and_where() -> None:
    here, there = told("db", "10.0.0.9"), told("db", "10.0.0.9")
    for one, wrong in ((here, [100.0, 101.0]), (there, [99.5, 99.5])):
        one.evidence["checks"].append({"server": "dns-1", "differs": ""})
        one.evidence["wrong"] = wrong
    assert in_common([here, there]) == (
        "The same in all 2: db.… is answered 10.0.0.9. It was seen first at 00:01:39.5 UTC, last at 00:01:41.0 UTC."
        " All of it was seen at dns-0 alone; dns-1 was right."
    )
    assert seen_when([here]) == ""
    assert seen_when([here, told("db", "10.0.0.9")]) == ""
