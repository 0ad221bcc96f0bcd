"""A kind cluster whose DNS Service leads to a server of ours, which passes questions on to the real ones and lies."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from benchmarks.kubernetes_e2e import images
from benchmarks.kubernetes_e2e.kind import Kind
from dns_server import DnsServer, Handler, Reply
from faults import FAULTS, Needs, Upstream
from kube_dns_conformance.clusters.zone import DEFAULT_ZONE
from kube_dns_conformance.dns.model import Server, Transport
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.toolchain import Toolchain
from tools import on_kind
from tools.command import ToolsError, run

HERE = Path(__file__).parent
SYSTEM = "kube-system"
SECONDS = 60.0
POLL_SECONDS = 0.25
READY = "180s"


class Liar:
    """Passes every question on to the real servers, or answers it as the fault that was chosen last does."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.choose("")

    def choose(self, name: str) -> None:
        """Have this fault from now on; none without a name."""
        self.asked = 0
        self._handler = _mixed(FAULTS[name].handler(self._upstream), self._pass_on, name) if name else self._pass_on

    def __call__(self, wire: bytes, transport: Transport) -> Reply:
        """What to say, see `dns_server`."""
        self.asked += 1
        return self._handler(wire, transport)

    def _pass_on(self, wire: bytes, transport: Transport) -> Reply:
        return self._upstream.ask(wire, transport)


def _mixed(faulty: Handler, right: Handler, name: str) -> Handler:
    """For a fault of one of two replicas every second question goes to the other, as kube-proxy would have it."""
    if FAULTS[name].needs is not Needs.RIGHT_REPLICA:
        return faulty
    turns = itertools.cycle([faulty, right])

    def handle(wire: bytes, transport: Transport) -> Reply:
        return next(turns)(wire, transport)

    return handle


@dataclass(frozen=True)
class Faulty:
    """A cluster whose Pods ask ``liar``."""

    kind: Kind
    liar: Liar


@contextmanager
def cluster(name: str, archives: Sequence[Path]) -> Iterator[Faulty]:
    """A cluster of one node with these images, deleted after the block. Raises ToolsError."""
    kind = Toolchain().need("kind")["kind"]
    with tempfile.TemporaryDirectory(prefix="kdc-") as work:
        kubeconfig = Path(work) / "kubeconfig"
        where = [f"--name={name}", f"--kubeconfig={kubeconfig}"]
        image = os.environ.get(on_kind.IMAGE_VARIABLE)
        chosen = [f"--config={HERE / 'one-node.yaml'}", f"--wait={READY}", *([f"--image={image}"] if image else [])]
        try:
            run([kind, "create", "cluster", *where, *chosen])
            kube = Kube(kubeconfig)
            one = Kind(name, kube.version(), kubeconfig, DEFAULT_ZONE)
            if archives:
                one.load(archives)
            else:
                one.pull([*images.wanted(images.toolchain(one.kubernetes)).values()])
            liar = Liar(Upstream(_real(kube), kubeconfig))
            with DnsServer(liar, host=_host()) as server:
                _lead_to(kube, server)
                yield Faulty(one, liar)
        finally:
            run([kind, "delete", "cluster", *where])


def _host() -> str:
    """The address of this machine on the network of the nodes. Raises ToolsError."""
    found = json.loads(run(["docker", "network", "inspect", "kind"]))[0]["IPAM"]["Config"]
    gateways = [one["Gateway"] for one in found if "." in one.get("Gateway", "")]
    if not gateways:
        raise ToolsError("the network of the nodes has no IPv4 gateway")
    return str(gateways[0])


def _real(kube: Kube) -> Server:
    """Make the real servers reachable from this machine."""
    service, _ = _manifests(host="", port="0")
    kube.apply(service)
    (node,), _ = kube.list("v1", "Node")
    address = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
    return Server("real", address, service["spec"]["ports"][0]["nodePort"])


def _lead_to(kube: Kube, server: Server) -> None:
    """Let the DNS Service lead to this server and nobody else. Raises ToolsError."""
    _, ours = _manifests(host=server.host, port=str(server.port))
    named = {"name": "kube-dns", "namespace": SYSTEM}
    kube.patch({"apiVersion": "v1", "kind": "Service", "metadata": named}, {"spec": {"selector": None}})
    kube.apply(ours)
    deadline = time.monotonic() + SECONDS
    # A controller that has not seen yet that there is no selector any more makes its own once again.
    while others := _others(kube, ours):
        kube.delete({"apiVersion": "v1", "kind": "Endpoints", "metadata": named})
        for one in others:
            kube.delete(one)
        if time.monotonic() > deadline:
            raise ToolsError("the DNS Service still leads to the real servers")
        time.sleep(POLL_SECONDS)


def _others(kube: Kube, ours: dict[str, Any]) -> list[dict[str, Any]]:
    label = "kubernetes.io/service-name=kube-dns"
    found, _ = kube.list("discovery.k8s.io/v1", "EndpointSlice", namespace=SYSTEM, label_selector=label)
    return [one for one in found if one["metadata"]["name"] != ours["metadata"]["name"]]


def _manifests(**values: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(Template((HERE / "behind.yaml").read_text()).substitute(values)))
