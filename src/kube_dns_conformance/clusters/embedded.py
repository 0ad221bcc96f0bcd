"""A cluster without containers: real etcd, API server, controllers, scheduler and CoreDNS; KWOK plays the nodes."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kube_dns_conformance import oracle
from kube_dns_conformance.clusters import coredns, kwokctl, ports, processes, store
from kube_dns_conformance.clusters.base import Capability, Cluster, IpFamily, Software, family_capabilities
from kube_dns_conformance.clusters.zone import DEFAULT_ZONE
from kube_dns_conformance.dns.ask import ask
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import step
from kube_dns_conformance.toolchain import Toolchain

DNS_REPLICAS = 2
START_SECONDS = 60.0
POLL_SECONDS = 0.05
ANSWERS_IN_A_ROW = 3
PORT_CHOICES = 3
DEFAULT_NODES = 5
UNITS = ("kubernetes", "etcd", "coredns", "kwok")


@dataclass(frozen=True)
class Options:
    """What an embedded cluster shall be like; what is left empty is anything a running one has, else the default.

    ``dns_port`` is that of the first replica, 0 for any free one.
    """

    family: IpFamily | None = None
    nodes: int = 0
    zone: str = ""
    dns_port: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    def settled(self) -> Options:
        """With the defaults in place of what is empty."""
        family, nodes, zone = self.family or IpFamily.IPV4, self.nodes or DEFAULT_NODES, self.zone or DEFAULT_ZONE
        return replace(self, family=family, nodes=nodes, zone=zone)

    def as_data(self, toolchain: Toolchain) -> dict[str, str]:
        """What was chosen, by the names of the command line."""
        chosen = {
            "--ip-family": self.family or "",
            "--nodes": self.nodes or "",
            "--zone": self.zone,
            "--dns-port": self.dns_port or "",
        } | {f"--tool-version {unit}": toolchain.version(unit) for unit in self.versions}
        return {name: str(value) for name, value in chosen.items() if value}


def up(name: str, options: Options, *, keep: bool) -> Cluster:
    """Make the cluster ``name``, or return it when it runs already and is as asked for.

    With ``keep`` it stays until `store.down`; without, this process holds it, and whoever comes next removes it should
    this process be killed. Raises ClusterError, ToolchainError, UsageError; nothing is left running then.
    """
    directory = store.directory(name)  # says what is wrong with the name before anything is built
    toolchain = Toolchain(versions=options.versions)
    store.remove_abandoned()
    if running := store.running(directory, "embedded", options.as_data(toolchain)):
        return running
    tools = toolchain.need(*kwokctl.BINARIES, "coredns")
    with store.held(name):
        running = store.running(directory, "embedded", options.as_data(toolchain))
        return running or _make(directory, options, tools, toolchain, keep=keep)


def make_way(cluster: Cluster) -> None:
    """Where thousands of objects change, what changes them keeps this machine busy: all but DNS of an embedded cluster
    lets others go first from now on, so that DNS answers and is asked in time."""
    if cluster.provider == "embedded":
        processes.give_way(cluster.kubeconfig.parent, "coredns")


def _make(directory: Path, options: Options, tools: dict[str, Path], toolchain: Toolchain, *, keep: bool) -> Cluster:
    if store.load(directory).cluster is not None:
        store.remove(directory)  # its processes are gone, as after a restart of the machine
    elif directory.exists():
        raise ClusterError(f"{directory} is in the way, and holds no cluster")
    options = options.settled()
    try:
        store.save(store.Entry(directory, kept=False, cluster=None))
        with step(f"starting cluster {directory.name}"):
            cluster = _start_on_free_ports(directory, options, tools, toolchain)
        made = replace(options, dns_port=cluster.dns[0].port, versions=dict.fromkeys(UNITS, "")).as_data(toolchain)
        store.save(store.Entry(directory, keep, cluster, made))
    except BaseException:  # Ctrl-C as well: whatever was started has to end
        store.remove(directory)
        raise
    return cluster


def _start_on_free_ports(directory: Path, options: Options, tools: dict[str, Path], toolchain: Toolchain) -> Cluster:
    """Start it; from the beginning, with other ports, when somebody took one between its choice and its use."""
    for attempt in itertools.count(1):
        try:
            with ports.Reserved() as reserved:
                return _start(directory, options, tools, toolchain, reserved)
        except ports.PortTakenError:
            if attempt == PORT_CHOICES:
                raise
            store.remove(directory)
            store.save(store.Entry(directory, kept=False, cluster=None))
    raise AssertionError


def _start(
    directory: Path, options: Options, tools: dict[str, Path], toolchain: Toolchain, reserved: ports.Reserved
) -> Cluster:
    family, version = options.family or IpFamily.IPV4, toolchain.version("kubernetes")
    host = _loopback(family)
    dns_ports = _dns_ports(options.dns_port, host, reserved)
    kubeconfig = kwokctl.create(directory, tools, version, family)
    replicas = [
        coredns.start(directory, tools["coredns"], one, coredns.configuration(kubeconfig, options.zone, one, reserved))
        for one in (Server(f"dns-{index}", host, port, single=True) for index, port in enumerate(dns_ports))
    ]
    deadline = time.monotonic() + START_SECONDS
    kube = Kube(kubeconfig)
    kube.wait_ready(START_SECONDS, lambda: kwokctl.insist_running(directory))
    for index in range(options.nodes):
        kube.apply(_node(index))
    _wait_controlled(kube, directory, tools, deadline)
    _wait_nodes(kube, directory, deadline)
    for replica in replicas:
        wait_answering(replica, _every_cluster_has(options.zone, family), deadline)
    return Cluster(
        provider="embedded",
        name=directory.name,
        kubeconfig=kubeconfig,
        context=None,
        zone=options.zone,
        dns=tuple(replica.server for replica in replicas),
        capabilities=family_capabilities(family) | {Capability.DNS_REPLICAS},
        kubernetes=version,
        implementation=(Software("coredns", toolchain.version("coredns")),),
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


def _dns_ports(first: int, host: str, reserved: ports.Reserved) -> list[int]:
    if not first:
        return reserved.free(DNS_REPLICAS, host)
    wanted = list(range(first, first + DNS_REPLICAS))
    for port in wanted:
        if not reserved.take(port, host):
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


def _wait_controlled(kube: Kube, directory: Path, tools: Mapping[str, Path], deadline: float) -> None:
    """Wait until the controllers have made what every namespace has: the one sign that they are at work."""
    account = {"name": "default", "namespace": "default"}
    while not kube.exists({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}):
        kwokctl.insist_controlling(directory, tools)
        if time.monotonic() > deadline:
            raise ClusterError(f"the controllers did nothing within {START_SECONDS:g} s")
        time.sleep(POLL_SECONDS)


def _wait_nodes(kube: Kube, directory: Path, deadline: float) -> None:
    """Wait until KWOK has made every node ready: the one sign that it plays them."""
    while True:
        nodes, _ = kube.list("v1", "Node")
        waiting = [node["metadata"]["name"] for node in nodes if not oracle.has_condition(node, "Ready")]
        kwokctl.insist_running(directory)
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"{len(waiting)} of {len(nodes)} nodes were not ready within {START_SECONDS:g} s")
        time.sleep(POLL_SECONDS)


def _every_cluster_has(zone: str, family: IpFamily) -> Question:
    """For the one Service that every cluster has."""
    return Question(f"kubernetes.default.svc.{zone}.", "AAAA" if family is IpFamily.IPV6 else "A")


def wait_answering(replica: coredns.Replica, question: Question, deadline: float) -> None:
    """Wait until the replica has answered several times in a row. ``deadline`` is of the monotonic clock."""
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
