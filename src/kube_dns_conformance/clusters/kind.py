"""A kind cluster: real nodes in containers, real Pods, two DNS replicas."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import yaml

from kube_dns_conformance import oracle
from kube_dns_conformance.agent.discovery import Dns, discover, resolv_conf_of_node
from kube_dns_conformance.clusters import engine, kindctl, processes, store
from kube_dns_conformance.clusters.base import Capability, Cluster, IpFamily
from kube_dns_conformance.clusters.existing import families
from kube_dns_conformance.clusters.zone import DEFAULT_ZONE
from kube_dns_conformance.errors import ClusterError, UsageError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import step
from kube_dns_conformance.resources import folder
from kube_dns_conformance.toolchain import Toolchain

PROVIDER = "kind"
NODES = 3
READY_SECONDS = 180.0
TOO_MANY_FILES = "too many open files"
LOG_LINES = 200
POLL_SECONDS = 0.25
ENGINE_CALL_SECONDS = 60.0
SCANS_WITHOUT_ANY = 4
UNITS = ("kubernetes", "kind")


@dataclass(frozen=True)
class Options:
    """What a kind cluster shall be like; what is left empty is anything a running one has, else the default.

    ``image`` is the node image; without, ``versions`` may say the version of Kubernetes, else kind chooses.
    """

    family: IpFamily | None = None
    zone: str = ""
    image: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def node_image(self) -> str:
        """The node image to use, empty for kind's own choice. Raises UsageError for versions that kind cannot take."""
        if other := self.versions.keys() - set(UNITS):
            raise UsageError(f"--tool-version {other.pop()} goes with --cluster embedded")
        version = self.versions.get("kubernetes", "").removeprefix("v")
        return self.image or (f"kindest/node:v{version}" if version else "")

    def as_data(self) -> dict[str, str]:
        """What was chosen, by the names of the command line."""
        version = self.versions.get("kubernetes", "").removeprefix("v")
        chosen = {"--ip-family": self.family or "", "--zone": self.zone, "--kind-image": self.image}
        chosen["--tool-version kubernetes"] = version
        return {name: str(value) for name, value in chosen.items() if value}


def up(name: str, options: Options, *, keep: bool) -> Cluster:
    """Make the cluster ``name``, or return it when it runs already and is as asked for.

    With ``keep`` it stays until `store.down`; without, this process holds it, and whoever comes next removes it should
    this process be killed. Raises ClusterError, ToolchainError, UsageError; nothing is left running then.
    """
    directory = store.directory(name)  # says what is wrong with the name before anything is made
    image = options.node_image()
    store.remove_abandoned()
    if running := store.running(directory, PROVIDER, options.as_data()):
        return _as_it_is(running)
    tools = _tools(options.versions)
    with store.held(name):
        running = store.running(directory, PROVIDER, options.as_data())
        return _as_it_is(running) if running else _make(directory, options, image, tools, keep=keep)


def _as_it_is(cluster: Cluster) -> Cluster:
    """Its Kubernetes may have been upgraded since it was made; its DNS is looked at from inside anyway."""
    return replace(cluster, kubernetes=Kube(cluster.kubeconfig).version())


def is_foreign(name: str) -> bool:
    """Whether the engine has a kind cluster of this name that we did not make. Raises ClusterError."""
    return name in engine.clusters() and not store.load(store.directory(name)).exists


def borrow(name: str, directory: Path) -> Cluster:
    """A cluster that somebody else made, to be judged but never deleted; its kubeconfig is put into ``directory``."""
    kubeconfig = directory / "kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(kindctl.kubeconfig(name, _tools({})))
    return _cluster(name, Kube(kubeconfig), kubeconfig, "")


def save_logs(name: str, directory: Path) -> None:
    """Collect the logs of the nodes. Raises ClusterError."""
    with step(f"collecting the logs of cluster {name}"):
        kindctl.export_logs(name, _tools({}), directory)


def demolish(entry: store.Entry) -> None:
    """Delete the cluster of this entry, whatever state it is in, unless it is not ours. Raises ClusterError."""
    _let_creation_end(entry.directory)
    if entry.made.get("engine") != engine.identity():
        raise ClusterError(f"cluster {entry.name!r} was made on another container engine than this one")
    nodes = engine.nodes(entry.name)
    node = entry.made.get("node")
    if not nodes or (node and node not in nodes) or (not node and _is_older(nodes, entry.directory)):
        return  # somebody deleted it, and perhaps made another one of this name, which is not ours
    with step(f"deleting cluster {entry.name}"):
        kindctl.delete(entry.directory, _tools({}))
    if engine.nodes(entry.name):
        raise ClusterError(f"kind did not delete cluster {entry.name!r}")


def _is_older(nodes: list[str], directory: Path) -> bool:
    """Whether a node was there before ``cluster.json`` said that we make a cluster of this name."""
    began = (directory / "cluster.json").stat().st_mtime
    return any(engine.created(node) < began for node in nodes)


def is_running(entry: store.Entry) -> bool:
    """Whether the very cluster of this entry runs on the engine that answers here."""
    try:
        return entry.made.get("node", "") in engine.nodes(entry.name, running=True)
    except ClusterError:
        return False


def _tools(versions: Mapping[str, str]) -> dict[str, Path]:
    chosen = {name: version for name, version in versions.items() if name == "kind"}
    return Toolchain(versions=chosen).need("kind", "kubectl")


def _make(directory: Path, options: Options, image: str, tools: dict[str, Path], *, keep: bool) -> Cluster:
    name = directory.name
    if store.load(directory).exists:
        store.remove(directory)  # it is gone, as after a `kind delete` by hand
    if directory.exists():
        raise ClusterError(f"{directory} is in the way, and holds no cluster")
    if name in engine.clusters():
        raise _somebody_elses(name)
    entry = store.Entry(directory, kept=False, cluster=None, made={"engine": engine.identity()}, provider=PROVIDER)
    options = replace(options, family=options.family or IpFamily.IPV4, zone=options.zone or DEFAULT_ZONE)
    try:
        store.save(entry)
        with step(f"starting kind cluster {name}") as progress:
            configuration = _configuration(directory, options)
            kubeconfig = kindctl.create(directory, tools, image, configuration, lambda line: progress.update(note=line))
            progress.update(note="waiting for the nodes")
            kube = Kube(kubeconfig)
            _wait_ready(kube, name)
            cluster = _cluster(name, kube, kubeconfig, options.zone)
        made = options.as_data() | {"--tool-version kubernetes": cluster.kubernetes}
        made |= {"engine": entry.made["engine"], "node": engine.nodes(name)[0]}
        store.save(replace(entry, kept=keep, cluster=cluster, made=made))
    except kindctl.NameTakenError:  # between our look and our making
        store.drop(directory)
        raise _somebody_elses(name) from None
    except BaseException:  # Ctrl-C as well: whatever was started has to end
        store.remove(directory)
        raise
    return cluster


def _somebody_elses(name: str) -> UsageError:
    return UsageError(
        f"there is a kind cluster {name!r} already, which kube-dns-conformance did not make",
        f"run --cluster kind --name {name} judges it; another --name makes one",
    )


def _configuration(directory: Path, options: Options) -> Path:
    """Our configuration for the address family, with the cluster domain where it is not the default."""
    text = (folder("manifests") / "kind" / f"{options.family}.yaml").read_text()
    configuration = yaml.safe_load(text)
    if options.zone != DEFAULT_ZONE:
        patch = {"kind": "ClusterConfiguration", "networking": {"dnsDomain": options.zone}}
        configuration["kubeadmConfigPatches"].append(yaml.safe_dump(patch))
    path = directory / "kind.yaml"
    path.write_text(yaml.safe_dump(configuration))
    return path


def _wait_ready(kube: Kube, name: str) -> None:
    """Wait until every node and every Pod that a new cluster comes with, all DNS replicas among them, is ready."""
    deadline = time.monotonic() + READY_SECONDS
    while waiting := _not_ready(kube):
        if time.monotonic() > deadline:
            what = f"cluster {name!r} was not ready within {READY_SECONDS:g} s: {', '.join(waiting[:5])}"
            raise ClusterError(what, _hint(name))
        time.sleep(POLL_SECONDS)


def _hint(cluster: str) -> str:
    """What keeps kubelets from running where several clusters share a machine; empty when it is something else."""
    for node in engine.nodes(cluster):
        with suppress(ClusterError):
            if TOO_MANY_FILES in engine.said_by_kubelet(node, LOG_LINES):
                limits = "fs.inotify.max_user_instances and fs.inotify.max_user_watches"
                return f"the kubelet of {engine.name(node)} says {TOO_MANY_FILES!r}: raise {limits} with sysctl"
    return ""


def _not_ready(kube: Kube) -> list[str]:
    nodes, _ = kube.list("v1", "Node")
    pods, _ = kube.list("v1", "Pod")
    late = [f"node {one['metadata']['name']}" for one in nodes if not oracle.has_condition(one, "Ready")]
    late += [f"{NODES - len(nodes)} nodes"] * (len(nodes) < NODES)
    late += [f"Pod {one['metadata']['name']}" for one in pods if not oracle.is_ready(one)]
    return late if pods else [*late, "every Pod"]


def _cluster(name: str, kube: Kube, kubeconfig: Path, zone: str) -> Cluster:
    dns = _dns(kube, zone)
    capabilities = families(kube) | {Capability.REAL_PODS, Capability.REAL_NODES}
    if len(dns.replicas) > 1:
        capabilities |= {Capability.DNS_REPLICAS}
    return Cluster(
        provider=PROVIDER,
        name=name,
        kubeconfig=kubeconfig,
        context=None,
        zone=dns.zone,
        dns=dns.servers,
        implementation=dns.software,
        capabilities=capabilities,
        kubernetes=kube.version(),
    )


def _dns(kube: Kube, zone: str) -> Dns:
    """What the kubelet of a node writes into the resolv.conf of its Pods."""
    nodes, _ = kube.list("v1", "Node")
    text = resolv_conf_of_node(kube, nodes[0]["metadata"]["name"])
    return discover(kube, text, "default", zone)


def _let_creation_end(directory: Path) -> None:
    """End what is left of making or deleting the cluster.

    Calls that start a container are waited for: the engine finishes them on its own, and a node would appear after the
    cluster was deleted. Several scans in a row have to find nothing, because for a moment after it was started a
    program does not show its mark yet.
    """
    deadline = time.monotonic() + ENGINE_CALL_SECONDS
    quiet = 0
    while quiet < SCANS_WITHOUT_ANY:
        found = processes.of_cluster(directory)
        for process in found:
            if time.monotonic() > deadline or not _starts_container(process):
                processes.kill(process)
        quiet = 0 if found else quiet + 1
        time.sleep(0.05)


def _starts_container(process: psutil.Process) -> bool:
    try:
        words = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return words[:1] != [] and Path(words[0]).name == engine.program() and words[1:2] == ["run"]
