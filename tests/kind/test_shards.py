"""Audits of a kind cluster from inside. The last of these tests: what the others left has gone by then."""

from __future__ import annotations

import json

from cluster.commandline import CommandLine
from kind.test_provider import namespaces
from kube_dns_conformance.clusters.base import Cluster


def test_an_audit_from_inside_finds_nothing_wrong(cluster: Cluster, command: CommandLine) -> None:
    done = command("audit", f"--name={cluster.name}", "--json", "--report-dir=audit")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["outcome"], said["differences"], said["unknown"]) == ("conformant", [], {})
    assert {row["section"] for row in said["records"]} >= {"2.3.1", "2.3.2", "2.3.3"}  # address, SRV, reverse
    assert namespaces(cluster) == []
