"""Metrics of the last run, for the textfile collector of Prometheus' node exporter.

OpenMetrics, and of it only what is the Prometheus text format as well, which that collector reads. Nothing of a run
alone (its id, names, addresses) is a label, so that a series goes on from run to run.
"""

from __future__ import annotations

from collections.abc import Iterator

import requests
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from kube_dns_conformance import redact
from kube_dns_conformance.reports import coverage
from kube_dns_conformance.reports.measures import TIMES, measures
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.text import printable
from kube_dns_conformance.upgrade.budget import CAUSES

PREFIX = "kube_dns_conformance_"
OUTCOMES = ("success", "partial", "failure")
UPGRADE = "upgrade.answers.in-time"
PUSH_SECONDS = 10.0


def text(results: Results) -> str:
    """The whole file."""
    return str(generate_latest(_Run(results)).decode())


def push(results: Results, url: str) -> str:
    """Put the metrics in the place of those that a Pushgateway has at ``url``. Returns what kept it from that.

    PUT and not POST: what is not judged any more is not told for ever.
    """
    if not url:
        return ""
    plain = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    try:
        said = requests.put(url, text(results).encode(), headers=plain, timeout=PUSH_SECONDS)
        why = "" if said.ok else f"{said.status_code} {said.text[:200].strip()}"
    except requests.Timeout:
        why = f"no answer within {PUSH_SECONDS:g} s"
    except requests.RequestException as error:
        why = str(error).rpartition(": ")[2].rstrip("'\")")
    return redact.text(f"the metrics could not be pushed to {url}: {printable(why)}") if why else ""


class _Run(Collector):
    def __init__(self, results: Results) -> None:
        self._results = results

    def collect(self) -> Iterator[Metric]:
        yield from _run(self._results)
        yield from _requirements(self._results)
        yield from _through_time(self._results)
        yield from _upgrade(self._results)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=labels)


def _run(results: Results) -> Iterator[Metric]:
    cluster = results.run.get("cluster", {})
    software = coverage.implementation(cluster)
    facts = {
        "version": results.run.get("version", ""),
        "implementation": ",".join(one["name"] for one in software),
        "implementation_version": ",".join(one["version"] for one in software),
        "kubernetes": cluster.get("kubernetes", ""),
        "provider": cluster.get("provider", ""),
        "ip_families": ",".join(coverage.ip_families(cluster)),
        "zone": cluster.get("zone", ""),
    }
    info = _gauge("run_info", "What was judged by the last run, always 1.", *facts)
    info.add_metric([printable(one) for one in facts.values()], 1)
    yield info
    outcome = _gauge("run_outcome", "Whether the last run had this outcome.", "outcome")
    for one in OUTCOMES:
        outcome.add_metric([one], one == results.outcome())
    yield outcome
    complete = _gauge("run_complete", "Whether the last run reached its end.")
    complete.add_metric([], results.complete)
    yield complete
    times = {"start": results.run.get("started", 0.0), "end": results.finished}
    for name, when in times.items():
        if when:
            made = _gauge(f"run_{name}_timestamp_seconds", f"The {name} of the last run, since the epoch.")
            made.add_metric([], when)
            yield made


def _requirements(results: Results) -> Iterator[Metric]:
    numbers = _gauge("requirements", "Requirements by profile and verdict.", "profile", "verdict")
    for profile, counts in coverage.profiles(results).items():
        for state in coverage.STATES:
            numbers.add_metric([profile, state], counts[state])
    yield numbers
    labels = ("requirement", "level", "profile", "verdict")
    each = _gauge("requirement_verdict", "The verdict on each selected requirement, always 1.", *labels)
    for name, verdict in results.by_requirement().items():
        one = catalogue()[name]
        each.add_metric([name, one.level, one.profile, verdict], 1)
    yield each
    seconds: dict[str, float] = {}
    for result in results.results:
        if result.verdict not in {Verdict.UNSUPPORTED, Verdict.SKIPPED}:
            seconds[result.requirement] = seconds.get(result.requirement, 0.0) + result.seconds
    spent = _gauge("requirement_duration_seconds", "How long judging each requirement took.", "requirement")
    for name, taken in seconds.items():
        spent.add_metric([name], round(taken, 3))
    yield spent


def _through_time(results: Results) -> Iterator[Metric]:
    found = measures(results)
    for what, meaning in TIMES.items():
        of_it = [one for one in found if one.what == what]
        if not of_it:
            continue
        text = f"After a change, the worst of all names and servers: {meaning}. Over all repetitions of the last run."
        made = _gauge(f"change_{what}_seconds", text, "requirement", "statistic")
        for one in of_it:
            made.add_metric([one.requirement, "median"], one.median)
            made.add_metric([one.requirement, "worst"], one.worst)
        yield made


def _upgrade(results: Results) -> Iterator[Metric]:
    """What an upgrade cost the name that suffered most, by cause."""
    of_it = [one for one in results.results if one.requirement == UPGRADE]
    windows = [window for one in of_it for change in one.evidence.get("changes", []) for window in change["windows"]]
    if not windows:
        return
    worst: dict[str, float] = {}
    for window in windows:
        causes: dict[str, float] = {}
        for outage in window["outages"]:
            causes[outage["cause"]] = causes.get(outage["cause"], 0.0) + outage["seconds"]
        worst = {cause: max(worst.get(cause, 0.0), causes.get(cause, 0.0)) for cause in worst.keys() | causes.keys()}
    made = _gauge(
        "upgrade_not_right_seconds", "Not answered rightly while upgraded, of the worst name, in all.", "cause"
    )
    for cause in CAUSES:
        made.add_metric([cause], round(worst.get(cause, 0.0), 3))
    yield made
