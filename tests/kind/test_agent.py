"""The agent in real Pods: on two libraries' resolvers, evicted, lost with its node, cut off, and with no image."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator

import dns.message
import pytest

from cluster.commandline import CommandLine
from kind.conftest import NAME
from kube_dns_conformance.agent import workload
from kube_dns_conformance.agent.discovery import discover
from kube_dns_conformance.agent.exchange import Request
from kube_dns_conformance.agent.proxy import Agents
from kube_dns_conformance.clusters import engine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.images import AGENT_IMAGE, AGENT_IMAGE_MUSL
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.timings import Timings

# kubernetes.default.svc.cluster.local A
QUERY = b"\0\1\1\0\0\1\0\0\0\0\0\0\nkubernetes\7default\3svc\7cluster\5local\0\0\1\0\1"
TIMINGS = Timings(api=90.0)


class Inside:
    """The agents of one run, taken away at the end."""

    def __init__(self, cluster: Cluster, image: str, *, every_node: bool = False) -> None:
        self.run = secrets.token_hex(4)
        self.kube = Kube(cluster.kubeconfig)
        self.namespace = workload.namespace_of(self.run)
        self.mirror = Mirror(self.kube, f"kube-dns-conformance/run={self.run}", TIMINGS.api)
        try:
            self.agents: Agents = workload.deploy(
                self.kube, self.mirror, self.run, image, secrets.token_hex(16), TIMINGS, every_node=every_node
            )
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        self.kube.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        self.mirror.close()


@pytest.fixture(scope="module")
def inside(cluster: Cluster) -> Iterator[Inside]:
    made = Inside(cluster, AGENT_IMAGE)
    yield made
    made.end()


def requests(cluster: Cluster, count: int = 1) -> list[Request]:
    return [Request(cluster.dns[0].host, 53, how, QUERY, 5.0) for how in ("udp", "tcp")] * count


def test_the_agents_are_on_different_nodes_under_the_restricted_level(inside: Inside) -> None:
    space = inside.kube.get("v1", "Namespace", inside.namespace)
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert len({agent.node for agent in inside.agents.ready()}) == 2


def test_the_dns_is_found_from_the_pods_own_file(inside: Inside, cluster: Cluster) -> None:
    facts = inside.agents.ask(lambda agent: agent.facts())
    assert set(discover(inside.kube, facts.resolv_conf, inside.namespace).servers) == set(cluster.dns)
    assert facts.libc == "glibc"


def test_thousands_of_questions_come_back_whole(inside: Inside, cluster: Cluster) -> None:
    got = inside.agents.exchange(requests(cluster, 2000))
    assert {one.problem for one in got} == {None}
    assert {one.wire[:2] for one in got} == {b"\0\1"}


def test_more_than_a_mebibyte_of_answers_comes_back_whole(inside: Inside, cluster: Cluster) -> None:
    expected = {f"198.19.{index // 250}.{index % 250 + 1}" for index in range(1000)}
    for item in many(inside.namespace, sorted(expected)):
        inside.kube.apply(item)
    query = dns.message.make_query(f"many.{inside.namespace}.svc.{cluster.zone}.", "A", use_edns=0, payload=4096)
    asked = Request(cluster.dns[0].host, 53, "tcp", query.to_wire(), 5.0)
    deadline = time.monotonic() + 30
    while len(addresses(inside.agents.exchange([asked])[0].wire)) < 1000:
        assert time.monotonic() < deadline
    got = inside.agents.exchange([asked] * 100)
    assert {one.problem for one in got} == {None}
    assert sum(len(one.wire) for one in got) > 1024 * 1024
    assert all(addresses(one.wire) == expected for one in got)


def many(namespace: str, endpoints: list[str]) -> list[Object]:
    """A headless Service of these addresses."""
    meta = {"name": "many", "namespace": namespace}
    ports = [{"name": "web", "port": 80}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"clusterIP": "None", "ipFamilies": ["IPv4"], "ports": ports},
    }
    endpoint_slice = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta | {"labels": {"kubernetes.io/service-name": "many"}},
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in endpoints],
    }
    return [service, endpoint_slice]


def addresses(wire: bytes) -> set[str]:
    return {record.to_text() for rrset in dns.message.from_wire(wire).answer for record in rrset}


def test_times_are_those_of_this_process(inside: Inside, cluster: Cluster) -> None:
    before = time.time()
    got = inside.agents.exchange(requests(cluster))
    assert all(before - 1.0 <= one.sent <= time.time() for one in got)


@pytest.mark.parametrize(("image", "libc"), [(AGENT_IMAGE, "glibc"), (AGENT_IMAGE_MUSL, "musl")])
def test_names_go_through_the_pods_resolver(cluster: Cluster, image: str, libc: str) -> None:
    made = Inside(cluster, image)
    try:
        assert made.agents.ask(lambda agent: agent.facts()).libc == libc
        names = ["kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local."]
        found = made.agents.ask(lambda agent: agent.resolve(names, "ipv4"))
        service = made.kube.get("v1", "Service", "kubernetes", "default")["spec"]["clusterIP"]
        assert [one.addresses for one in found] == [(service,)] * 3, found
    finally:
        made.end()


def test_one_on_every_node(cluster: Cluster) -> None:
    made = Inside(cluster, AGENT_IMAGE, every_node=True)
    try:
        assert len({agent.node for agent in made.agents.ready()}) == 3
    finally:
        made.end()


def test_when_an_agent_is_gone_another_is_asked(inside: Inside, cluster: Cluster) -> None:
    inside.agents.exchange(requests(cluster))
    gone = inside.agents.ready()[0].pod
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": gone, "namespace": inside.namespace}}
    inside.kube.delete(pod, body={"gracePeriodSeconds": 0})
    assert [one.problem for one in inside.agents.exchange(requests(cluster))] == [None, None]
    assert inside.agents.ready()[0].pod != gone


def test_when_the_node_of_an_agent_is_gone_another_is_asked(inside: Inside, cluster: Cluster) -> None:
    inside.agents.exchange(requests(cluster))
    gone = inside.agents.ready()[0]
    pods, _ = inside.kube.list("v1", "Pod", namespace="kube-system", label_selector="k8s-app=kube-dns")
    elsewhere = next(pod["status"]["podIP"] for pod in pods if pod["spec"]["nodeName"] != gone.node)
    engine.pause(gone.node)
    try:
        assert [one.problem for one in inside.agents.exchange([Request(elsewhere, 53, "udp", QUERY, 5.0)])] == [None]
        assert inside.agents.ready()[0].node != gone.node
    finally:
        engine.unpause(gone.node)


def test_a_restart_of_the_api_server_is_outlasted(inside: Inside, cluster: Cluster) -> None:
    inside.agents.exchange(requests(cluster))
    node = f"{NAME}-control-plane"
    subprocess.run([engine.program(), "exec", node, "pkill", "-KILL", "kube-apiserver"], check=True)
    assert [one.problem for one in inside.agents.exchange(requests(cluster))] == [None, None]


def test_an_image_that_cannot_be_pulled_is_told_at_once_and_the_logs_are_kept(
    cluster: Cluster, command: CommandLine
) -> None:
    done = command(
        "run", f"--name={NAME}", "--requirement=clusterip.address.ipv4", "--report-dir=report",
        "--agent-image=127.0.0.1:1/nothing:1", "--timing=settle=3600",
    )  # fmt: skip
    said = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 3
    assert len([line for line in said if "the image 127.0.0.1:1/nothing:1 of the agent cannot be pulled" in line]) == 1
    assert any("--agent-image names another one" in line for line in said)
    assert list((command.directory / "report" / "logs").glob("*/kubelet.log"))
    assert list((command.directory / "report" / "logs").glob("*/images.log")), "crictl was asked for them"
    assert not any("logs are not complete" in line for line in said)
    assert (command.directory / "report" / "summary.md").exists()
