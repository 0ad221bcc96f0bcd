"""`watch` on a kind cluster: from inside, and from every node, one of which cannot reach DNS for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.commandline import CommandLine, read_until
from kind.roles import permitted
from kube_dns_conformance.clusters import engine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import Kube
from tools.command import run

NAME = "kubernetes.default"


@pytest.fixture
def limited(cluster: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    with permitted(cluster, tmp_path, "run", "upgrade") as made:
        yield made


@pytest.mark.release
def test_what_one_node_alone_cannot_reach_is_told_of_that_node(
    cluster: Cluster, limited: Cluster, stranger: CommandLine
) -> None:
    kube = Kube(cluster.kubeconfig)
    nodes = sorted(node["metadata"]["name"] for node in kube.list("v1", "Node")[0])
    broken, service = nodes[-1], kube.get("v1", "Service", "kube-dns", "kube-system")
    where = [f"--kubeconfig={limited.kubeconfig}", "--per-node", "--max-outage=1s", "--report-dir=out"]
    watching = stranger.start("watch", *where, NAME, "--for=6s")
    read_until(watching, "watching ")
    drop = ["PREROUTING", "--table=mangle", f"--destination={service['spec']['clusterIP']}", "--jump=DROP"]
    run([engine.program(), "exec", broken, "iptables", "--insert", *drop])
    try:
        read_until(watching, " is not right: timeout")
    finally:
        run([engine.program(), "exec", broken, "iptables", "--delete", *drop])
    said, _ = watching.communicate(timeout=120)
    lines = [json.loads(line) for line in (stranger.directory / "out" / "watch.jsonl").read_text().splitlines()]
    end = lines[-1]
    assert (watching.returncode, end["outcome"]) == (1, "nonconformant"), said
    assert all(f" from node {broken} was not right for " in one for one in end["problems"]), end["problems"]
    assert {one["vantage"] for one in end["lanes"]} == set(nodes)
    assert {one["vantage"] for one in end["lanes"] if one["outages"]} == {broken}
    assert len(end["observers"]) == len(nodes)
    assert said.count("watched from agent on node ") == len(nodes)
