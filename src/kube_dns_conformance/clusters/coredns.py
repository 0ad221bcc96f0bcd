"""The DNS replicas of the embedded cluster: CoreDNS processes on loopback, each with ports of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
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


def start(directory: Path, binary: Path, server: Server, corefile: str) -> Replica:
    """Start a replica that is to answer as ``server``, with this text as its Corefile."""
    path, log = _corefile(directory, server), _log(directory, server)
    path.write_text(corefile)
    process = processes.start([str(binary), "-conf", str(path)], directory, log)
    return Replica(directory, server, process, log)


def take_down(directory: Path, server: Server) -> Callable[[], None]:
    """Kill the replica that answers as ``server``. What is returned starts it again. Raises ClusterError."""
    return processes.take_down(directory, _log(directory, server), "-conf", str(_corefile(directory, server)))


def _corefile(directory: Path, server: Server) -> Path:
    return directory / f"Corefile-{server.name}"


def _log(directory: Path, server: Server) -> Path:
    return directory / "logs" / f"{server.name}.log"


def configuration(kubeconfig: Path, zone: str, server: Server, reserved: ports.Reserved, template: str = "") -> str:
    """The Corefile for this server, with free ports for all but DNS; ``template`` is another than ours."""
    host, free = server.host, reserved.free(3, server.host)
    bracketed = f"[{host}]" if ":" in host else host
    return Template(template or ours()).substitute(
        address=host,
        dns_port=server.port,
        health=f"{bracketed}:{free[0]}",
        ready=f"{bracketed}:{free[1]}",
        metrics=f"{bracketed}:{free[2]}",
        zone=zone,
        kubeconfig=kubeconfig,
    )


def ours() -> str:
    """The Corefile of an embedded cluster, with places to be filled in."""
    return (folder("manifests") / "embedded" / "Corefile").read_text()
