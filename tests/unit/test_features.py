"""What a DNS server is seen to have."""

from __future__ import annotations

from pathlib import Path

import pytest

from dns_server import DnsServer, Handler, records
from kube_dns_conformance import features
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.vantage import ThisProcess

ZONE = "cluster.local"


def found(*handlers: Handler, pods: tuple[tuple[str, str], ...] = ()) -> set[Capability]:
    servers = [DnsServer(one, f"dns-{at}") for at, one in enumerate(handlers)]
    cluster = Cluster(
        "existing", "c", Path("kubeconfig"), None, ZONE, tuple(one.server for one in servers), frozenset()
    )
    for one in servers:
        one.__enter__()
    try:
        return set(features.find(cluster, ThisProcess(20.0), pods))
    finally:
        for one in servers:
            one.__exit__(None)


@pytest.mark.parametrize(
    ("table", "capabilities"),
    [
        ({}, set()),
        ({"192-0-2-1.default.pod.cluster.local. A": ["192.0.2.1"]}, {Capability.POD_RECORDS}),
        ({"10-0-0-7.agents.pod.cluster.local. A": ["10.0.0.7"]}, {Capability.POD_RECORDS}),
        ({"dns-version.clusterset.local. TXT": ['"1.0.0"']}, {Capability.CLUSTER_SET}),
    ],
)
def test_what_a_server_answers_it_has(table: dict[str, list[str]], capabilities: set[Capability]) -> None:
    assert found(records(table), pods=(("10.0.0.7", "agents"),)) == capabilities


def test_what_one_of_two_servers_has_is_expected_of_both() -> None:
    has = records({"192-0-2-1.default.pod.cluster.local. A": ["192.0.2.1"]})
    assert found(records({}), has) == {Capability.POD_RECORDS}
