"""The control plane of the embedded cluster: kwokctl's binary runtime with real etcd, API server and controllers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from typing import Any

import psutil
import yaml

from kube_dns_conformance.clusters import ports, processes
from kube_dns_conformance.clusters.base import IpFamily
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.resources import folder

BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok", "kwokctl")
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
CONTROLLERS = "kube-controller-manager"
GAVE_UP = "failed to wait for apiserver being healthy"
"""Its last words when the API server took longer than ten seconds to start, as on a busy machine. It has no option."""
NODES = "kwok-controller"
"""The process that plays them."""
LOOPBACK = "127.0.0.1"
START_SECONDS = 120.0
POLL_SECONDS = 0.05
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
"""Everything is on loopback, and no proxy of the machine is to be asked for it."""
SERVICE_RANGES = {
    IpFamily.IPV4: "10.96.0.0/16",
    IpFamily.IPV6: "fd00:10:96::/112",
    IpFamily.DUAL: "10.96.0.0/16,fd00:10:96::/112",
}
# KWOK draws Pod addresses from here, see manifests/embedded/stages.yaml.
POD_RANGE = "10.64.0.0/10"
PORT_OPTIONS = (
    "etcdPort",
    "etcdPeerPort",
    "kubeApiserverPort",
    "kubeControllerManagerPort",
    "kubeSchedulerPort",
    "kwokControllerPort",
)


def create(directory: Path, tools: Mapping[str, Path], version: str, family: IpFamily) -> Path:
    """Start the control plane; returns its kubeconfig. The API server may still be starting when this returns."""
    config = directory / "kwokctl.yaml"
    config.write_text(configuration(tools, version, family, ports.free_ports(len(PORT_OPTIONS), LOOPBACK)))
    kubeconfig = directory / "kubeconfig"
    _kwokctl(directory, tools, f"--config={config}", "create", "cluster", f"--kubeconfig={kubeconfig}", "--wait=0s")
    return kubeconfig


def insist_controlling(directory: Path, tools: Mapping[str, Path]) -> None:
    """Start the controllers again, should they have given up waiting for the API server. Call when it is ready.

    Raises ClusterError as `insist_running` does.
    """
    insist_running(directory)
    if _gave_up(directory):
        _kwokctl(directory, tools, "start", "cluster", but=CONTROLLERS)


def _kwokctl(directory: Path, tools: Mapping[str, Path], *arguments: str, but: str = "") -> None:
    """Run it, and see that all components run meanwhile ``but`` one."""
    log = directory / "logs" / "kwokctl.log"
    command = [str(tools["kwokctl"]), *arguments, f"--name={directory.name}"]
    process = processes.start(command, directory, log, without=_PROXIES)
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None:
        insist_running(directory, but)
        if time.monotonic() > deadline:
            raise ClusterError(f"the control plane did not start within {START_SECONDS:g} s: {ports.last_words(log)}")
        time.sleep(POLL_SECONDS)
    if process.returncode != 0:
        raise ClusterError(f"kwokctl ended with status {process.returncode}: {ports.last_words(log)}")


def insist_running(directory: Path, but: str = "") -> None:
    """Raise ClusterError with a component's own last words when it has ended: kwokctl would wait for it in vain.

    ``but`` is one that is being started again. Controllers that gave up waiting for the API server are left to
    `insist_controlling`.
    """
    for name in _ended(directory):
        if name != but and (name != CONTROLLERS or not _gave_up(directory)):
            raise ports.has_ended(name, _log(directory, name))


def take_down_control_plane(directory: Path) -> Callable[[Callable[[], None]], None]:
    """Kill the API server, and the controllers and the scheduler with it. What is returned starts them again.

    It starts the API server, calls what waits until that is ready, and starts the others: they would not wait for long.
    A scheduler that outlives its API server may end a while later, over what it remembers of Pods, and nobody starts it
    here. Raises ClusterError.
    """
    api_server, *others = [processes.take_down(directory, _log(directory, name), name) for name in CONTROL_PLANE]

    def start_again(wait_ready: Callable[[], None]) -> None:
        api_server()
        wait_ready()
        for start in others:
            start()

    return start_again


def _ended(directory: Path) -> list[str]:
    """The components that were started and run no more."""
    files = (_workdir(directory) / "pids").glob("*.pid")
    return [file.stem for file in files if (text := file.read_text()) and not _runs(int(text))]


def _gave_up(directory: Path) -> bool:
    return CONTROLLERS in _ended(directory) and GAVE_UP in ports.last_words(_log(directory, CONTROLLERS))


def _log(directory: Path, component: str) -> Path:
    return _workdir(directory) / "logs" / f"{component}.log"


def _workdir(directory: Path) -> Path:
    return directory / "clusters" / directory.name


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def configuration(tools: Mapping[str, Path], version: str, family: IpFamily, free: list[int]) -> str:
    """The kwokctl configuration, KWOK's stages included, as YAML. Every component listens on loopback only."""
    options: dict[str, Any] = {
        "runtime": "binary",
        "bindAddress": LOOPBACK,
        "kubeVersion": f"v{version}",
        "disableQPSLimits": True,
        "etcdBinary": str(tools["etcd"]),
        "kubeApiserverBinary": str(tools["kube-apiserver"]),
        "kubeControllerManagerBinary": str(tools["kube-controller-manager"]),
        "kubeSchedulerBinary": str(tools["kube-scheduler"]),
        "kubectlBinary": str(tools["kubectl"]),
        "kwokControllerBinary": str(tools["kwok"]),
        **dict(zip(PORT_OPTIONS, free, strict=True)),
    }
    # Needed on a host without a default route, and of the family of the Service range.
    advertise = "::1" if family is IpFamily.IPV6 else LOOPBACK
    patches = {
        "etcd": {"unsafe-no-fsync": "true"},  # its data never outlives the processes
        "kube-apiserver": {
            "advertise-address": advertise,
            "egress-selector-config-file": str(folder("manifests") / "embedded" / "egress.yaml"),
            "endpoint-reconciler-type": "none",  # it refuses a loopback address (and from 1.37 on to start with one)
            "service-cluster-ip-range": SERVICE_RANGES[family],
        },
        "kube-controller-manager": {"leader-elect": "false"},
        "kube-scheduler": {"leader-elect": "false"},
        "kwok-controller": {"cidr": POD_RANGE},
    }
    document = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": options,
        "componentsPatches": [
            {"name": name, "extraArgs": [{"key": key, "value": value} for key, value in arguments.items()]}
            for name, arguments in patches.items()
        ],
    }
    return f"{yaml.safe_dump(document)}---\n{stages(family)}"


def stages(family: IpFamily) -> str:
    """KWOK's stages with the Pod addresses of ``family``."""
    addresses = {IpFamily.IPV4: ("$v4",), IpFamily.IPV6: ("$v6",), IpFamily.DUAL: ("$v4", "$v6")}[family]
    text = (folder("manifests") / "embedded" / "stages.yaml").read_text()
    return Template(text).safe_substitute(
        first_address=f"{{{{ {addresses[0]} }}}}",
        addresses="\n          ".join(f"- ip: {{{{ {address} }}}}" for address in addresses),
    )
