"""A cluster without containers: real etcd, API server, controllers, scheduler and CoreDNS; KWOK plays the nodes."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from kube_dns_conformance.clusters import coredns, kwokctl, ports, store
from kube_dns_conformance.clusters.base import Capability, Cluster, IpFamily, family_capabilities
from kube_dns_conformance.clusters.processes import Owner
from kube_dns_conformance.dns.ask import ask
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.errors import ClusterError, UsageError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import step
from kube_dns_conformance.toolchain import Toolchain

DNS_REPLICAS = 2
START_SECONDS = 60.0
POLL_SECONDS = 0.05
ANSWERS_IN_A_ROW = 3


@dataclass(frozen=True)
class Options:
    """What an embedded cluster shall be like. ``dns_port`` is that of the first replica, 0 for any free one."""

    family: IpFamily = IpFamily.IPV4
    nodes: int = 5
    zone: str = "cluster.local"
    dns_port: int = 0
    versions: dict[str, str] = field(default_factory=dict)


def up(name: str, options: Options, *, keep: bool) -> Cluster:
    """Make the cluster ``name``, or return it when it runs already.

    With ``keep`` it stays until `down`; without, it belongs to this process, and whoever comes next removes it should
    this process be killed. Raises ClusterError, ToolchainError, UsageError; nothing is left running then.
    """
    store.directory(name)  # says what is wrong with the name before anything is built
    store.remove_abandoned()
    toolchain = Toolchain(versions=options.versions)
    tools = toolchain.need(*kwokctl.BINARIES, "coredns")
    with store.locked(name) as directory:
        running = store.load(directory)
        if running.cluster is not None and running.is_running():
            return running.cluster
        if running.cluster is not None:
            store.remove(directory)  # its processes are gone, as after a restart of the machine
        try:
            store.save(store.Entry(directory, Owner.me(), None))
            with step(f"starting cluster {name}"):
                cluster = _start(directory, name, options, tools, toolchain.version("kubernetes"))
            store.save(store.Entry(directory, None if keep else Owner.me(), cluster))
        except BaseException:  # Ctrl-C as well: whatever was started has to end
            store.remove(directory)
            raise
        return cluster


def down(name: str) -> None:
    """End the cluster ``name``. Raises UsageError when there is none."""
    if not (store.directory(name) / "cluster.json").exists():
        raise UsageError(f"there is no cluster {name!r}", "kube-dns-conformance cluster status lists them")
    with store.locked(name) as directory:
        store.remove(directory)


def _start(directory: Path, name: str, options: Options, tools: dict[str, Path], version: str) -> Cluster:
    host = _loopback(options.family)
    dns_ports = _dns_ports(options.dns_port, host)
    kubeconfig = kwokctl.create(directory, name, tools, version, options.family)
    replicas = [
        coredns.start(directory, index, tools["coredns"], kubeconfig, options.zone, host, port)
        for index, port in enumerate(dns_ports)
    ]
    deadline = time.monotonic() + START_SECONDS
    kube = Kube(kubeconfig)
    kube.wait_ready(START_SECONDS)
    for index in range(options.nodes):
        kube.apply(_node(index))
    for replica in replicas:
        _wait_answering(replica, options.zone, options.family, deadline)
    return Cluster(
        provider="embedded",
        name=name,
        kubeconfig=kubeconfig,
        context=None,
        zone=options.zone,
        dns=tuple(replica.server for replica in replicas),
        capabilities=family_capabilities(options.family) | {Capability.DNS_REPLICAS},
        kubernetes=version,
    )


def _loopback(family: IpFamily) -> str:
    """A cluster with IPv6 alone is asked over IPv6, where this machine has it."""
    if family is not IpFamily.IPV6 or not socket.has_ipv6:
        return kwokctl.LOOPBACK
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            return kwokctl.LOOPBACK
    return "::1"


def _dns_ports(first: int, host: str) -> list[int]:
    if not first:
        return ports.free_ports(DNS_REPLICAS, host)
    wanted = list(range(first, first + DNS_REPLICAS))
    for port in wanted:
        if not ports.is_free(port, host):
            raise ClusterError(f"port {port} on {host} is in use", "choose another --dns-port, or none for a free one")
    return wanted


def _node(index: int) -> dict[str, object]:
    name = f"node-{index}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "type": "kwok"}},
        # Outside KWOK's own range, so that Pod addresses are never used twice: see manifests/embedded/stages.yaml.
        "spec": {"podCIDR": f"198.18.{index}.0/24", "podCIDRs": [f"198.18.{index}.0/24"]},
    }


def _wait_answering(replica: coredns.Replica, zone: str, family: IpFamily, deadline: float) -> None:
    """Wait until the replica has answered for the one Service that every cluster has, several times in a row."""
    question = Question(f"kubernetes.default.svc.{zone}.", "AAAA" if family is IpFamily.IPV6 else "A")
    in_a_row = 0
    while in_a_row < ANSWERS_IN_A_ROW:
        replica.insist_running()
        answer = ask(question, replica.server, timeout=1.0)
        in_a_row = in_a_row + 1 if answer.records else 0
        if in_a_row:
            continue
        if time.monotonic() > deadline:
            raise ClusterError(f"{_where(replica.server)} did not answer in time, last: {answer.said()}")
        time.sleep(POLL_SECONDS)


def _where(server: Server) -> str:
    return f"{server.name} at {server}"
