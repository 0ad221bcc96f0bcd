"""At which servers all that is wrong was seen."""

from __future__ import annotations

from typing import Any

import pytest

from kube_dns_conformance.reports.blame import seen_at
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
