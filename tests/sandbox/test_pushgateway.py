"""A real Pushgateway takes the metrics of a run, and has those of the last one alone."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from kube_dns_conformance.reports import metrics
from kube_dns_conformance.results import Results, Verdict
from reports_samples import HEAD, MUST, every_verdict, result
from tools import packages


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    packages.need({"prometheus-pushgateway": "prometheus-pushgateway"}, "a real one takes the metrics of a run")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["prometheus-pushgateway", f"--web.listen-address={address}"], stderr=log)
    deadline = time.monotonic() + 60
    while not held(address):
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < deadline, (tmp_path / "log").read_text()
    yield address
    process.terminate()
    process.wait(timeout=30)


def held(address: str) -> str:
    """What Prometheus gets from it; nothing while it starts."""
    try:
        with urlopen(f"http://{address}/metrics", timeout=10) as said:
            return str(said.read().decode())
    except URLError:
        return ""


def verdicts(address: str) -> list[str]:
    return [one for one in held(address).splitlines() if one.startswith("kube_dns_conformance_requirement_verdict{")]


def test_it_has_the_metrics_of_the_last_run_alone(gateway: str) -> None:
    place = f"http://{gateway}/metrics/job/dns/instance/here"
    assert metrics.push(every_verdict(), place) == ""
    assert len(verdicts(gateway)) > 1
    assert metrics.push(Results(HEAD, [result(Verdict.CONFORMANT)], complete=True, finished=1900000009.5), place) == ""
    (only,) = verdicts(gateway)
    assert f'requirement="{MUST}",verdict="conformant"' in only
    assert 'instance="here",job="dns"' in only


def test_what_it_refuses_is_told(gateway: str) -> None:
    said = metrics.push(every_verdict(), f"http://{gateway}/metrics/job")
    assert said.startswith(f"the metrics could not be pushed to http://{gateway}/metrics/job: 4")
