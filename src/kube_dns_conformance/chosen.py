"""The cluster that the command line asks for: it is made, taken up again, or connected to."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from kube_dns_conformance.clusters import embedded, existing, kind, store
from kube_dns_conformance.clusters.base import Capability, Cluster, IpFamily
from kube_dns_conformance.clusters.choice import choose
from kube_dns_conformance.errors import UsageError


@dataclass(frozen=True)
class Options:
    """What the command line says about where to judge."""

    provider: str = ""
    cluster_name: str = ""
    kubeconfig: str = ""
    context: str = ""
    zone: str = ""
    dns_servers: tuple[str, ...] = ()
    family: IpFamily | None = None
    versions: dict[str, str] = field(default_factory=dict)
    keep: bool = False
    kind_image: str = ""
    agent_image: str = ""
    image_registry: str = ""
    allow_disruptive: bool = False
    allow_large: bool = False
    read_only: bool = False
    every_node: bool = False
    upgrade: str = ""

    @cached_property
    def chosen_provider(self) -> tuple[str, str]:
        """The provider and why."""
        return choose(self.provider, self.cluster_name)


class Opened(NamedTuple):
    """A cluster, whether this run made it and deletes it, and whether it is ours at all.

    ``private`` has the kubeconfig of a kind cluster that somebody else made.
    """

    cluster: Cluster
    made: bool = False
    ours: bool = False
    private: tempfile.TemporaryDirectory[str] | None = None


def open_cluster(options: Options, run: str) -> Opened:
    """The cluster of these options; what the run ``run`` may do to it is among its capabilities.

    Raises UsageError for options that do not go together, and ClusterError.
    """
    provider, _ = options.chosen_provider
    opened = _connect(options) if provider == "existing" else _make(options, provider, f"run-{run}")
    return opened._replace(cluster=_permit(opened, options))


def _connect(options: Options) -> Opened:
    if options.cluster_name:
        raise UsageError("--name is that of a cluster of ours, and does not go with --cluster existing")
    return Opened(
        existing.connect(
            options.kubeconfig, options.context, options.zone, options.dns_servers, read_only=options.read_only
        )
    )


def _make(options: Options, provider: str, name: str) -> Opened:
    if options.kubeconfig or options.context:
        raise UsageError("--kubeconfig and --context go with --cluster existing")
    if options.dns_servers:  # what is wrong with them is said before anything is made
        existing.parse_servers(options.dns_servers)
        _insist_there(options.cluster_name, provider)
    name = options.cluster_name or name
    opened = _kind(options, name) if provider == "kind" else _embedded(options, name)
    if not options.dns_servers:
        return opened
    return opened._replace(cluster=existing.with_servers(opened.cluster, options.dns_servers))


def _insist_there(name: str, provider: str) -> None:
    """Who names servers means a cluster that they can know: one made now is not it."""
    why, hint = "no --name is given", "name it: --name NAME, or --cluster existing --kubeconfig F"
    if name:
        if (provider == "kind" and kind.is_foreign(name)) or store.load(store.directory(name)).is_running():
            return
        why, hint = store.why_not_running(name)
    raise UsageError(f"--dns-server asks servers of a cluster that is there, but {why}", hint)


def _embedded(options: Options, name: str) -> Opened:
    wanted = embedded.Options(family=options.family, zone=options.zone, versions=options.versions)
    return _ours(embedded.up(name, wanted, keep=options.keep))


def _kind(options: Options, name: str) -> Opened:
    if options.cluster_name and kind.is_foreign(name):
        _refuse_making_options(options)
        private = tempfile.TemporaryDirectory(prefix="kdc-")
        try:
            return Opened(kind.borrow(name, Path(private.name)), private=private)
        except BaseException:
            private.cleanup()
            raise
    wanted = kind.Options(options.family, options.zone, options.kind_image, options.versions)
    return _ours(kind.up(name, wanted, keep=options.keep))


def _refuse_making_options(options: Options) -> None:
    given = {"--ip-family": options.family, "--kind-image": options.kind_image, "--tool-version": options.versions}
    if unheard := [option for option, value in given.items() if value]:
        raise UsageError(
            f"{' and '.join(unheard)} {'says' if len(unheard) == 1 else 'say'} what cluster to make, "
            f"but somebody else made kind cluster {options.cluster_name!r}",
            "without, also as a KDC_ variable, that one is judged; another --name makes one",
        )


def _ours(cluster: Cluster) -> Opened:
    return Opened(cluster, made=not store.load(store.directory(cluster.name)).kept, ours=True)


def _permit(opened: Opened, options: Options) -> Cluster:
    """What is ours may be disturbed; what is somebody's only when they said so, and neither may be filled."""
    cluster = opened.cluster
    allowed = {Capability.ALLOW_DISRUPTIVE} if opened.ours or options.allow_disruptive else set()
    if opened.ours and cluster.provider == "kind":
        allowed |= {Capability.FREEZE_NODES}
    if options.allow_large:
        allowed |= {Capability.LARGE_WORKLOADS}
    return replace(cluster, capabilities=cluster.capabilities | allowed)
