"""The DNS replicas of the embedded cluster: CoreDNS processes on loopback, each with ports of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from string import Template

from kube_dns_conformance.clusters import ports, processes
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.resources import folder


class Replica:
    """One CoreDNS process."""

    def __init__(self, directory: Path, server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
        self.directory = directory
        self.server = server
        self.process = process
        self.log = log

    def insist_running(self) -> None:
        """Raise ClusterError with CoreDNS's own last words when it has ended."""
        if self.process.poll() is not None:
            raise ports.has_ended("CoreDNS", self.log)


def start(directory: Path, index: int, binary: Path, kubeconfig: Path, zone: str, host: str, port: int) -> Replica:
    """Start replica ``index`` on ``host`` and ``port``."""
    name = f"dns-{index}"
    corefile = directory / f"Corefile-{index}"
    corefile.write_text(configuration(kubeconfig, zone, host, [port, *ports.free_ports(3, host)]))
    log = directory / "logs" / f"{name}.log"
    process = processes.start([str(binary), "-conf", str(corefile)], directory, log)
    return Replica(directory, Server(name, host, port, single=True), process, log)


def configuration(kubeconfig: Path, zone: str, host: str, free: list[int]) -> str:
    """The Corefile; ``free`` are the ports for DNS, health, readiness and metrics."""
    bracketed = f"[{host}]" if ":" in host else host
    text = (folder("manifests") / "embedded" / "Corefile").read_text()
    return Template(text).substitute(
        address=host,
        dns_port=free[0],
        health=f"{bracketed}:{free[1]}",
        ready=f"{bracketed}:{free[2]}",
        metrics=f"{bracketed}:{free[3]}",
        zone=zone,
        kubeconfig=kubeconfig,
    )
