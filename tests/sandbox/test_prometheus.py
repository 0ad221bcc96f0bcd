"""A real Prometheus reads a real run: the rules and every query of the dashboard have something to say of it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from cluster.commandline import CommandLine
from kube_dns_conformance.reports import metrics
from kube_dns_conformance.resources import folder
from reports_samples import every_verdict
from tools import packages

RULES = folder("reports") / "prometheus" / "rules.yaml"
DASHBOARD = json.loads((folder("reports") / "grafana" / "dashboard.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
CHOSEN = ("--requirement=clusterip.address.*", "--requirement=survival.pod-restart.*")


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    packages.need({"promtool": "prometheus"}, "a real one reads the metrics of a real run")


class Server(SimpleHTTPRequestHandler):
    """Serves a folder, as whoever has the files of the textfile collector does."""

    extensions_map = {".prom": "text/plain; version=0.0.4"}  # noqa: RUF012 - so it is there

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Metrics of a run that judged a real server, and of one in which there is every verdict."""
    directory = tmp_path_factory.mktemp("metrics")
    made = CommandLine(directory, directory / "state")
    done = made("run", *CHOSEN, "--report-dir=report")
    made.end()
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy(directory / "report" / "metrics.prom", directory / "real.prom")
    (directory / "wrong.prom").write_text(metrics.text(every_verdict()))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(directory))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def prometheus(served: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that has read both, and evaluated the rules."""
    directory = tmp_path_factory.mktemp("prometheus")
    jobs = [
        {
            "job_name": name,
            "metrics_path": f"/{name}.prom",
            "static_configs": [{"targets": [served], "labels": {"instance": name}}],
        }
        for name in ("real", "wrong")
    ]
    often = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (directory / "prometheus.yml").write_text(
        yaml.safe_dump({"global": often, "rule_files": [str(RULES)], "scrape_configs": jobs})
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = [f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'data'}"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(["prometheus", *options, f"--web.listen-address={address}"], stderr=log)
    deadline = time.monotonic() + 60
    while len(answer(address, "kube_dns_conformance:run_age_seconds")) < 2:
        assert process.poll() is None, (directory / "log").read_text()
        assert time.monotonic() < deadline, (directory / "log").read_text()
    yield address
    process.terminate()
    process.wait(timeout=30)


def answer(address: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus says now; nothing while it starts."""
    try:
        with urlopen(f"http://{address}/api/v1/query?{urlencode({'query': query})}", timeout=10) as said:
            found: list[dict[str, Any]] = json.load(said)["data"]["result"]
    except URLError:
        return []
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_the_dashboard_returns_data(query: str, prometheus: str) -> None:
    assert answer(prometheus, query.replace("$instance", ".*")) != []


def test_the_dashboard_tells_clusters_apart_by_version_and_outcome(prometheus: str) -> None:
    rows = [one["metric"] for one in answer(prometheus, QUERIES[0].replace("$instance", ".*"))]
    assert {(one["instance"], one["implementation"], one["outcome"]) for one in rows} == {
        ("real", "coredns", "success"),
        ("wrong", "coredns", "failure"),
    }


def test_who_lies_is_told_at_once(prometheus: str) -> None:
    firing = {
        (one["metric"]["alertname"], one["metric"]["instance"])
        for one in answer(prometheus, "ALERTS{alertstate='firing'}")
    }
    assert firing == {
        ("KubeDnsNonconformant", "wrong"),
        ("KubeDnsConformanceUnknown", "wrong"),
        ("KubeDnsConformanceIncomplete", "wrong"),
    }


@pytest.mark.parametrize(
    ("what", "path"), [("check", RULES), ("test", Path(__file__).parent / "prometheus_rules_test.yaml")]
)
def test_the_rules_do_what_they_say(what: str, path: Path) -> None:
    done = subprocess.run(["promtool", what, "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
