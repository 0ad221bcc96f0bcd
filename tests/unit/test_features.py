"""What a DNS server is seen to have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dns_server import DnsServer, Handler, records
from kube_dns_conformance import features
from kube_dns_conformance.clusters.base import Capability, Cluster
from kube_dns_conformance.vantage import ThisProcess

ZONE = "cluster.local"


@contextmanager
def served_by(*handlers: Handler) -> Iterator[Cluster]:
    with ExitStack() as stack:
        servers = [stack.enter_context(DnsServer(one, f"dns-{at}")) for at, one in enumerate(handlers)]
        yield Cluster("existing", "c", Path("kubeconfig"), None, ZONE, tuple(servers), frozenset())


def found(*handlers: Handler, pods: tuple[tuple[str, str], ...] = ()) -> set[Capability]:
    with served_by(*handlers) as cluster:
        return set(features.find(cluster, ThisProcess(20.0), pods).capabilities)


def test_a_server_that_says_nothing_is_told_from_one_that_says_little() -> None:
    with served_by(records({}), lambda *_: None) as cluster:
        assert [one.name for one in features.find(cluster, ThisProcess(1.0)).silent] == ["dns-1"]


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
