"""A kind cluster with some workloads, upgraded and validated: ``python -m tools.real_upgrade VERSION``.

By kubeadm, to that version of Kubernetes; or with ``--dns-alone`` CoreDNS to that version. With ``--dig`` another
witness asks beside the watch in every node, and it is an error when the two do not tell of the same outage.
``--prepare`` gets what it takes: nothing can be fetched where clusters of our own engine are reached.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import yaml

from kube_dns_conformance.clusters import kind, store
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.images import AGENT_IMAGE
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.upgrade.command import folder as new_folder
from kube_dns_conformance.upgrade.folder import Folder
from kube_dns_conformance.upgrade.seen import Path as Lane
from kube_dns_conformance.upgrade.seen import Seen, read
from tools import coredns_upgrade, dig_loop, kubeadm_upgrade
from tools.command import guarded
from tools.dig_loop import (
    EVERY_SECONDS,
    Asked,
    Loops,
    differences,
    disagreements,
    excused,
    gaps,
    told,
    watched,
    windows,
)

SHOP, WITNESS = (Path(__file__).parent / f"{name}.yaml" for name in ("shop", "witness"))
ASKED = "web.shop.svc.cluster.local."
"""By dig as well."""
GAP_SECONDS = 3.0
"""On a machine that busy nobody can tell."""


def deploy(kubeconfig: Path, manifest: Path) -> None:
    """Apply it, with the image of agents."""
    kube = Kube(kubeconfig)
    for item in yaml.safe_load_all(manifest.read_text().replace("IMAGE", AGENT_IMAGE)):
        kube.apply(item)


def prepare(version: str, *, dns_alone: bool, dig: bool) -> None:
    """Get what it takes. Raises ToolsError, ToolchainError."""
    if dns_alone:
        coredns_upgrade.prepare(version)
    else:
        print(kubeadm_upgrade.bundle(version))
    if dig:
        print(dig_loop.archive())


def validated(cluster: Cluster, folder: Path, module: str, version: str) -> int:
    """Upgrade it under the eyes of ``kube-dns-conformance upgrade``, whose exit status this returns."""
    own = [sys.executable, "-m", "kube_dns_conformance", "upgrade", f"--name={cluster.name}", f"--state={folder}"]
    command = [sys.executable, "-m", f"tools.{module}", cluster.name, version]
    return subprocess.run([*own, "--", *command], check=False).returncode


def beside_dig(cluster: Cluster, folder: Path, module: str, version: str) -> int:
    """The same beside dig; 3 when they contradict each other."""
    kube = Kube(cluster.kubeconfig)
    services = ("kube-dns", "kube-system"), ("web", "shop")
    dns, web = (kube.get("v1", "Service", *one)["spec"]["clusterIP"] for one in services)
    deploy(cluster.kubeconfig, WITNESS)
    (control,) = kubeadm_upgrade.nodes(cluster.name, kubeadm_upgrade.CONTROL_PLANE)
    ready = ("rollout", "status", "--namespace=shop", f"daemonset/{dig_loop.WITNESS}", "--timeout=120s")
    kubeadm_upgrade.kubectl_in(control, *ready)
    loops = Loops(kubeadm_upgrade.nodes(cluster.name), dns, ASKED, Timings().answer)
    loops.start()
    status = validated(cluster, folder, module, version)
    dug = loops.stop()
    dig_loop.save(dug, folder / "dig.json")
    seen = read(Folder(folder).lines())
    agree = [_agree(seen, node, dig_loop.asked(lines, web, Timings().answer)) for node, lines in dug.items()]
    return status if all(agree) else 3


def _agree(seen: Seen, node: str, asked: list[Asked]) -> bool:
    """Whether both saw the same outages from a node, to within a slot of each and what dig leaves unsure."""
    ((path, track),) = (one for one in seen.clients().items() if _is_asked(one[0], node))
    asked = [one for one in asked if track.start <= one.at <= track.end]
    allowed = float(seen.head["slot"]) + EVERY_SECONDS
    by_watch, by_dig = watched(seen.rows[path]), list(windows(excused(asked)))
    wrong = disagreements(by_watch, by_dig, allowed)
    if not any(one.is_right for one in asked) or gaps(asked, track.start, track.end) > GAP_SECONDS:
        wrong.append("dig did not ask")
    print(f"{node}: the watch {told(by_watch, track.start)}; dig {told(by_dig, track.start)}: ", end="")
    print(f"they do NOT AGREE on {', '.join(wrong)}" if wrong else f"they agree to within {allowed:.2f} s", end="")
    print("".join(f"; dig {one}" for one in differences(by_watch, by_dig)))
    return not wrong


def _is_asked(path: Lane, node: str) -> bool:
    return (path.name, path.rdtype, path.transport, path.node) == (ASKED, "A", "udp", node)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.real_upgrade", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prepare", action="store_true", help="only get what it takes")
    parser.add_argument("--dns-alone", action="store_true", help="CoreDNS, and nothing else")
    parser.add_argument("--dig", action="store_true", help="compare what is seen with what dig sees")
    parser.add_argument("version", help="such as 1.37.2, or with --dns-alone 1.14.7")
    chosen = parser.parse_args()
    if chosen.prepare:
        prepare(chosen.version, dns_alone=chosen.dns_alone, dig=chosen.dig)
        return 0
    name = f"upgrade-{os.getpid()}"
    cluster = kind.up(name, kind.Options(image=os.environ.get("KDC_KIND_IMAGE", "")), keep=True)
    try:
        deploy(cluster.kubeconfig, SHOP)  # as somebody may have it, spread over the nodes: what drains move
        folder = new_folder("", "")
        module = "coredns_upgrade" if chosen.dns_alone else "kubeadm_upgrade"
        return (beside_dig if chosen.dig else validated)(cluster, folder, module, chosen.version)
    finally:
        store.down(name)


if __name__ == "__main__":
    guarded(main)
