"""metrics.prom: what Prometheus reads, in few series that go on from run to run."""

from __future__ import annotations

import pytest
from hypothesis import given
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from kube_dns_conformance.reports import metrics
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable
from reports_samples import HEAD, HOSTILE, MUST, SOUP, every_verdict, hostile_cluster, result


def series(results: Results) -> dict[str, float]:
    """Every series, as both of the formats that this is have it."""
    text = metrics.text(results)
    found = [
        {f"{one.name}{sorted(one.labels.items())}": one.value for family in families for one in family.samples}
        for families in (open_metrics(text), prometheus(text))
    ]
    assert found[0] == found[1]
    return found[0]


def lines(results: Results, name: str) -> list[str]:
    start = f"kube_dns_conformance_{name}"
    return [line for line in metrics.text(results).splitlines() if line.startswith((f"{start}{{", f"{start} "))]


def test_the_run_is_described_and_has_an_outcome() -> None:
    results = Results(HEAD, [result(Verdict.CONFORMANT)], complete=True, finished=1900000009.5)
    (info,) = lines(results, "run_info")
    assert info == (
        "kube_dns_conformance_run_info{"
        'implementation="coredns",implementation_version="1.14.7",ip_families="ipv4",kubernetes="1.37.2",'
        'provider="embedded",version="0.1.0",zone="cluster.local"} 1.0'
    )
    assert lines(results, "run_outcome") == [
        'kube_dns_conformance_run_outcome{outcome="success"} 1.0',
        'kube_dns_conformance_run_outcome{outcome="partial"} 0.0',
        'kube_dns_conformance_run_outcome{outcome="failure"} 0.0',
    ]
    assert lines(results, "run_complete") == ["kube_dns_conformance_run_complete 1.0"]
    assert lines(results, "run_start_timestamp_seconds") == ["kube_dns_conformance_run_start_timestamp_seconds 1.9e+09"]
    assert lines(results, "run_end_timestamp_seconds") == [
        "kube_dns_conformance_run_end_timestamp_seconds 1.9000000095e+09"
    ]


def test_a_run_that_was_killed_has_no_end() -> None:
    results = Results(HEAD, [result(Verdict.CONFORMANT)])
    assert lines(results, "run_complete") == ["kube_dns_conformance_run_complete 0.0"]
    assert lines(results, "run_end_timestamp_seconds") == []
    assert 'kube_dns_conformance_run_outcome{outcome="partial"} 1.0' in metrics.text(results)


def test_requirements_are_counted_and_each_has_its_verdict() -> None:
    results = Results(HEAD, [result(Verdict.CONFORMANT)], complete=True)
    (verdict,) = lines(results, "requirement_verdict")
    assert verdict == (
        'kube_dns_conformance_requirement_verdict{level="MUST",profile="core",requirement="headless.address.ipv4",'
        'verdict="conformant"} 1.0'
    )
    assert lines(results, "requirements")[:3] == [
        'kube_dns_conformance_requirements{profile="core",verdict="nonconformant"} 0.0',
        'kube_dns_conformance_requirements{profile="core",verdict="unknown"} 0.0',
        'kube_dns_conformance_requirements{profile="core",verdict="conformant"} 1.0',
    ]


def test_the_time_of_all_tests_of_a_requirement_is_added_up_where_anything_was_asked() -> None:
    skipped = Result("clusterip.address.ipv4", "c", Verdict.UNSUPPORTED, "unsupported: needs x", seconds=0.1)
    results = Results(HEAD, [result(Verdict.CONFORMANT), result(Verdict.CONFORMANT, test="b"), skipped], complete=True)
    assert lines(results, "requirement_duration_seconds") == [
        f'kube_dns_conformance_requirement_duration_seconds{{requirement="{MUST}"}} 3.0'
    ]


def test_every_metric_has_its_help_and_its_type() -> None:
    text = metrics.text(every_verdict()).splitlines()
    names = {line.partition("{")[0].partition(" ")[0] for line in text if not line.startswith("#")}
    assert {line.split()[2] for line in text if line.startswith("# HELP ") and line.endswith(".")} == names
    assert {line for line in text if line.startswith("# TYPE ")} == {f"# TYPE {name} gauge" for name in names}
    assert text[-1] == "# EOF"


def test_two_runs_have_the_same_series() -> None:
    first = Results(HEAD, [result(Verdict.CONFORMANT)], complete=True, finished=1900000009.0)
    again = Results(HEAD | {"run": "ffffffff", "started": 1.0, "command": "x"}, first.results, True, finished=2.0)
    assert series(first).keys() == series(again).keys()


@pytest.mark.parametrize("text", [*HOSTILE, 'quote " backslash \\ brace } 2', '"} 1\nfake_metric 1\n#'])
def test_a_label_says_what_it_was_told_whatever_that_is(text: str) -> None:
    (info,) = [one for one in prometheus(metrics.text(hostile_cluster(text))) if one.name.endswith("run_info")]
    assert info.samples[0].labels["kubernetes"] == printable(text)
    assert all(line.isprintable() for line in metrics.text(hostile_cluster(text)).split("\n"))
    assert "fake_metric" not in {family.name for family in prometheus(metrics.text(hostile_cluster(text)))}


@given(SOUP)
def test_both_formats_are_kept_for_any_text(text: str) -> None:
    assert len(series(hostile_cluster(text))) == len(series(hostile_cluster("x")))


def test_metrics_that_could_not_be_pushed_are_told_without_credentials() -> None:
    url = "http://me:secret@127.0.0.1:1/metrics/job/dns"
    assert metrics.push(every_verdict(), url) == (
        "the metrics could not be pushed to http://(redacted)@127.0.0.1:1/metrics/job/dns: "
        "[Errno 111] Connection refused"
    )
    assert "gateway: No scheme supplied" in metrics.push(every_verdict(), "gateway")
    assert metrics.push(every_verdict(), "") == ""
