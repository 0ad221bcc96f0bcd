"""How long changes took, over repetitions, spelt out; and where people and machines find it."""

from __future__ import annotations

from typing import Any

from kube_dns_conformance.reports import metrics, summary
from kube_dns_conformance.reports.measures import Measure, measures
from kube_dns_conformance.results import Result, Results, Verdict
from reports_samples import HEAD, MUST, changed, result

NAME = "survival.pod-restart.name-follows"


def window(appeared: float | None, disappeared: float, longest: float) -> dict[str, Any]:
    lane = {"name": "web.shop.svc.cluster.local.", "type": "A", "server": "dns-0", "transport": "udp"}
    return lane | {
        "appeared": appeared,
        "disappeared": disappeared,
        "longest": longest,
        "total": longest,
        "resolution": longest / 10,
    }


def watched(*windows: dict[str, Any], number: int = 1) -> Result:
    evidence = {"checks": [], "changes": [changed([], *windows)]}
    return Result(NAME, f"suites/a.py::test_it[{number}]", Verdict.CONFORMANT, "", "", 1.9e9, 2.0, evidence)


REPEATED = Results(
    HEAD,
    [
        watched(window(0.5, 0.2, 0.5), window(0.1, 0.0, 0.1), number=1),
        watched(window(0.3, 0.1, 0.3), number=2),
        watched(window(2.0, 1.5, 2.0), number=3),
    ],
)


def test_of_each_repetition_the_worst_counts() -> None:
    assert measures(REPEATED) == [
        Measure(NAME, "appeared", 3, 0.5, 2.0, 0),
        Measure(NAME, "disappeared", 3, 0.2, 1.5, 0),
        Measure(NAME, "longest", 3, 0.5, 2.0, 0),
        Measure(NAME, "resolution", 3, 0.05, 0.2, 0),
    ]


def test_what_never_came_is_counted_and_spoils_no_median() -> None:
    some = Results(HEAD, [watched(window(0.5, 0.2, 0.5)), watched(window(None, 20.0, 22.0), window(0.1, 0.0, 0.1))])
    assert measures(some)[0] == Measure(NAME, "appeared", 2, 0.5, 0.5, 1)


def test_what_was_not_watched_or_did_not_change_has_no_measure() -> None:
    unchanged = {"name": "web.", "type": "A", "server": "dns-0", "transport": "udp", "longest": 0.0, "total": 0.0}
    assert measures(Results(HEAD, [result(Verdict.CONFORMANT)])) == []
    assert measures(Results(HEAD, [watched(unchanged)])) == [Measure(NAME, "longest", 1, 0.0, 0.0, 0)]


def test_people_find_them_in_the_summary() -> None:
    text = summary.markdown(REPEATED)
    assert f"| `{NAME}` | 3 | 0.50 s, 2.00 s | 0.20 s, 1.50 s | 0.50 s, 2.00 s | 0.05 s, 0.20 s |" in text
    once = summary.markdown(Results(HEAD, [watched(window(None, 0.2, 0.5)), watched(window(0.5, 0.2, 0.5))]))
    assert "0.50 s, 0.50 s, never in 1" in once
    assert "Through time" not in summary.markdown(Results(HEAD, [result(Verdict.CONFORMANT)]))


def test_machines_find_them_in_the_metrics() -> None:
    text = metrics.text(REPEATED)
    worst = f'kube_dns_conformance_change_appeared_seconds{{requirement="{NAME}",statistic="worst"}} 2.0'
    assert worst in text
    assert "change_" not in metrics.text(Results(HEAD, [result(Verdict.CONFORMANT)]))
    assert MUST not in text
