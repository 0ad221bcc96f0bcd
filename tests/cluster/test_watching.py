"""`watch` on a real cluster: an honest DNS, one that fails at times, objects that change, and its ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.commandline import CommandLine, read_until
from cluster.many import applicable
from faults import FAULTS, Upstream, served
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import Kube
from objects import endpoint, endpoint_slice, headless, service

SPACE = "watch-shop"
WEB, HEADLESS = f"web.{SPACE}", f"hand-made.{SPACE}"


@pytest.fixture(scope="module", autouse=True)
def shop(cluster: Cluster) -> Iterator[Kube]:
    """A Service with a ClusterIP, and a headless one whose endpoint is made by hand."""
    kube = Kube(cluster.kubeconfig)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    kube.apply(namespace)
    ports = [("http", 80)]
    kube.apply(applicable(service("web", namespace=SPACE, ports=ports)))
    kube.apply(applicable(headless("hand-made", namespace=SPACE, ports=ports)))
    kube.apply(slices("10.100.77.1"))
    yield kube
    kube.delete(namespace)


def slices(address: str) -> Any:
    return applicable(endpoint_slice(endpoint(address), of="hand-made", namespace=SPACE, ports=[("http", 80)]))


def where(cluster: Cluster, *servers: object) -> list[str]:
    asked = servers or cluster.dns
    return [f"--kubeconfig={cluster.kubeconfig}", *(f"--dns-server={one}" for one in asked)]


def test_honest_servers_are_watched_and_the_timeline_is_kept(command: CommandLine, cluster: Cluster) -> None:
    found = command.json("watch", *where(cluster), WEB, HEADLESS, "--for=3s", "--report-dir=out")
    assert (found["outcome"], found["problems"], found["longest"]) == ("conformant", [], 0.0)
    asked = {(one["name"], one["type"], one["transport"]) for one in found["lanes"]}
    assert {(f"{HEADLESS}.svc.cluster.local.", "A", how) for how in ("udp", "tcp")} <= asked
    assert len({one["server"] for one in found["lanes"]}) == len(cluster.dns)
    assert all(one["asked"] >= 10 for one in found["lanes"])
    assert found["observers"][0]["slots"] >= 10
    lines = [json.loads(line) for line in (command.directory / "out" / "watch.jsonl").read_text().splitlines()]
    assert [lines[0]["kind"], lines[-1]["kind"]] == ["watch", "end"]
    assert {one["state"] for one in lines if one["kind"] == "seen"} == {"right"}
    assert (command.directory / "out" / "watch.svg").read_text().startswith("<svg ")


@pytest.mark.parametrize(("budget", "status"), [([], 0), (["--max-outage=soon"], 2), (["--max-outage=1ms"], 1)])
def test_the_budget_decides(command: CommandLine, cluster: Cluster, budget: list[str], status: int) -> None:
    with served(FAULTS["servfail-every-fifth"], Upstream(cluster.dns[0])) as faulty:
        done = command("watch", *where(cluster, faulty), WEB, "--for=3s", *budget)
    assert done.returncode == status, done.stdout + done.stderr
    if status == 2:
        assert "--max-outage soon: durations are such as 90s, 200ms, 10m, 1h30m" in done.stderr
    else:
        assert "is not right: SERVFAIL" in done.stdout
        assert ("s are allowed" in done.stdout) is (status == 1)


def test_what_was_never_right_is_in_no_budget(command: CommandLine, cluster: Cluster) -> None:
    with served(FAULTS["address-foreign"], Upstream(cluster.dns[0])) as faulty:
        done = command("watch", *where(cluster, faulty), HEADLESS, "--for=2s", "--max-outage=1h")
    assert done.returncode == 1
    assert "gave what was never right in" in done.stdout


def test_a_change_of_the_objects_is_told_and_followed(command: CommandLine, cluster: Cluster, shop: Kube) -> None:
    watching = command.start("watch", *where(cluster), HEADLESS, "--report-dir=out")
    read_until(watching, "…")  # it has asked for a while
    shop.apply(slices("10.100.77.2"))
    read_until(watching, f"{HEADLESS}.svc.cluster.local. A is 10.100.77.2 now")
    read_until(watching, "…")  # and goes on asking
    watching.send_signal(signal.SIGINT)
    read_until(watching, "conformant: ")
    assert watching.wait(30) == 0
    lines = [json.loads(one) for one in (Path(command.directory) / "out" / "watch.jsonl").read_text().splitlines()]
    said = {one["said"] for one in lines if one["kind"] == "seen" and one["type"] == "A"}
    assert said == {"NOERROR 10.100.77.1", "NOERROR 10.100.77.2"}
    (change,) = [one for one in lines if one["kind"] == "truth" and one["type"] == "A"]
    first = min(one["from"] for one in lines if one["kind"] == "seen" and one["said"] == "NOERROR 10.100.77.2")
    assert change["says"] == "10.100.77.2"
    assert -1.0 < first - change["at"] < 10.0


def test_an_interruption_before_its_time_was_up_is_said(command: CommandLine, cluster: Cluster) -> None:
    watching = command.start("watch", *where(cluster), WEB, "--for=10m")
    read_until(watching, "watching")
    watching.send_signal(signal.SIGINT)
    read_until(watching, " answers in ")  # of that moment: there may be none
    assert watching.wait(30) == 130


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody.nowhere"], "no Service promises nobody.nowhere"),
        (["--namespace=nowhere"], "there is no Service in namespace nowhere"),
        ([WEB, "--for=soon"], "--for soon: durations are such as 90s, 200ms, 10m, 1h30m"),
        ([WEB, "--for=0s"], "--for 0s: durations are such as 90s, 200ms, 10m, 1h30m"),
    ],
)
def test_wrong_usage_is_one_line(command: CommandLine, cluster: Cluster, arguments: list[str], said: str) -> None:
    done = command("watch", *where(cluster), *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
