"""What goes wrong in upgrades of DNS: each as the commands that do it, to be run one after the other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

Commands = list[list[str]]
Kubectl = list[str]

COREFILE = """
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    %s
    cache 5
    loop
    reload
}
"""
KUBERNETES = "kubernetes cluster.local in-addr.arpa ip6.arpa {\n       pods insecure\n       ttl 5\n    }"
LIAR = 'template IN A kube-dns.kube-system.svc.cluster.local {\n       answer "{{ .Name }} 5 IN A 192.0.2.7"\n    }'


def corefile(kubectl: Kubectl, text: str) -> Commands:
    """Have CoreDNS configured like this, with new replicas."""
    patch = json.dumps({"data": {"Corefile": COREFILE % text}})
    return [[*kubectl, "patch", "configmap/coredns", f"--patch={patch}"], *rollout(kubectl)]


def rollout(kubectl: Kubectl) -> Commands:
    return [[*kubectl, "rollout", *rest, "deployment/coredns"] for rest in (["restart"], ["status", "--timeout=120s"])]


def scale(kubectl: Kubectl, replicas: int) -> Commands:
    return [
        [*kubectl, "scale", "deployment/coredns", f"--replicas={replicas}"],
        [*kubectl, "rollout", "status", "deployment/coredns", "--timeout=120s"],
    ]


def without_pods(kubectl: Kubectl, _folder: Path) -> Commands:
    return corefile(kubectl, KUBERNETES.replace("pods insecure", "pods disabled"))


def other_zone(kubectl: Kubectl, _folder: Path) -> Commands:
    return corefile(kubectl, KUBERNETES.replace("cluster.local", "other.local"))


def twenty_seconds_without(kubectl: Kubectl, _folder: Path) -> Commands:
    return [*scale(kubectl, 0), ["sleep", "20"], *scale(kubectl, 2)]


def other_address(kubectl: Kubectl, folder: Path) -> Commands:
    """The Service is made anew and has another address; whoever runs already asks the old one."""
    path = folder / "service.json"
    ports = [{"name": name, "port": 53, "protocol": name.upper()} for name in ("udp", "tcp")]
    spec = {"selector": {"k8s-app": "kube-dns"}, "ports": ports}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns"}, "spec": spec}))
    return [[*kubectl, "delete", "service/kube-dns"], [*kubectl, "create", f"--filename={path}"]]


def one_replica_and_its_node_drained(kubectl: Kubectl, folder: Path) -> Commands:
    """Nowhere else to go for ten seconds."""
    path = folder / "drain.sh"
    path.write_text(
        """set -e
# The one that ends is listed as well, and nobody misses its node.
while [ "$("$@" get pods --selector=k8s-app=kube-dns --output=name | wc -l)" -gt 1 ]; do sleep 0.2; done
node=$("$@" get pods --selector=k8s-app=kube-dns --output=jsonpath='{.items[0].spec.nodeName}')
nodes=$("$@" get nodes --output=name)
trap 'for one in $nodes; do "$@" uncordon "$one"; done' EXIT # also when something fails: others need them
for one in $nodes; do "$@" cordon "$one"; done
"$@" drain "$node" --ignore-daemonsets --delete-emptydir-data --force --timeout=60s
sleep 10
for one in $nodes; do "$@" uncordon "$one"; done
"$@" rollout status deployment/coredns --timeout=120s
"""
    )
    return [*scale(kubectl, 1), ["sh", str(path), *kubectl]]


def liar_left_behind(kubectl: Kubectl, folder: Path) -> Commands:
    """A replica of another time, which the Service still sends questions to."""
    pods = json.loads(
        subprocess.run(
            [*kubectl, "get", "pods", "-l", "k8s-app=kube-dns", "-o", "json"], check=True, capture_output=True
        ).stdout
    )
    spec = pods["items"][0]["spec"]
    labels = {"k8s-app": "kube-dns"}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "left-behind"},
        "data": {"Corefile": COREFILE % LIAR},
    }
    for volume in spec["volumes"]:
        if "configMap" in volume:
            volume["configMap"]["name"] = "left-behind"
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "left-behind", "labels": labels},
        "spec": spec | {"nodeName": ""},
    }
    path = folder / "pod.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [config, pod]}))
    ready = [*kubectl, "wait", "pod/left-behind", "--for=condition=Ready", "--timeout=60s"]
    return [[*kubectl, "apply", f"--filename={path}"], ready, ["sleep", "5"]]
