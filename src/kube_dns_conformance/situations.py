"""Situations: a manifest each, applied together, each in a namespace of its own, followed until they are settled."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from kube_dns_conformance import manifest, oracle
from kube_dns_conformance.agent import clients
from kube_dns_conformance.agent.proxy import Agent
from kube_dns_conformance.clock import now
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.events import Event, described
from kube_dns_conformance.kube import RUN_LABEL, Kube, Object
from kube_dns_conformance.mirror import KINDS, Mirror
from kube_dns_conformance.timings import Timings

WORKLOADS = ("StatefulSet", "Deployment")
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
"""Pod Security of a situation's namespace, where its manifest does not say otherwise."""
PARALLEL_REQUESTS = 8
NO_ACCOUNT_YET = "error looking up service account"
"""What a Pod is refused with in a namespace that was just made."""
ACCOUNT_PAUSE_SECONDS = 0.1
NAMESPACE_PAUSE_SECONDS = 0.25
READINESS_GATE = "kube-dns-conformance/open"
"""A Pod of a manifest with this readiness gate is ready when the test says so."""


@dataclass
class Situation:
    """One manifest in its namespace. ``settled_at`` is when its objects last became what was asked for (epoch)."""

    name: str
    namespace: str
    zone: str
    kube: Kube
    mirror: Mirror
    timings: Timings
    manifest: list[Object] = field(repr=False)
    namespace_labels: dict[str, str] = field(default_factory=dict)
    settled_at: float = 0.0
    _token: str = field(default="", repr=False)

    def service(self, name: str) -> Object:
        """A Service as it is now. Raises ClusterError when there is none of that name."""
        return self._one("Service", name)

    def pods(self, service: str | None = None) -> list[Object]:
        """The Pods of the namespace, or those that a Service selects."""
        pods = self.mirror.objects("Pod", self.namespace)
        return pods if service is None else oracle.selected(self.service(service), pods)

    def pod(self, name: str) -> Object:
        """A Pod as it is now. Raises ClusterError when there is none of that name."""
        return self._one("Pod", name)

    def endpoint_slice(self, name: str) -> Object:
        """An EndpointSlice as it is now. Raises ClusterError when there is none of that name."""
        return self._one("EndpointSlice", name)

    def equip(self, run: str, image: str, token: str) -> None:
        """Let the Pods that have a container named agent run the agent's code, see `clients`."""
        self._token = token
        self.manifest = clients.equip(self.manifest, image, token)
        for item in self.manifest:
            manifest.label(item, run)

    def agent(self, pod: str) -> Agent:
        """The agent in a Pod of this situation. Raises ClusterError when there is none of that name."""
        node = self.pod(pod)["spec"].get("nodeName", "")
        return Agent(self.kube.api, self.namespace, pod, self._token, node)

    def addresses(self, service: str, rdtype: str) -> list[str]:
        """The addresses of the ready Pods behind a Service, of the family that ``rdtype`` speaks of."""
        return oracle.pod_addresses(self.pods(service), rdtype)

    def name_of(self, service: str) -> str:
        """The absolute DNS name of a Service."""
        return oracle.service_name(self.service(service), self.zone)

    def delete_pods(self, *pods: Object) -> None:
        """Delete Pods the ordinary way, all at once, and wait until they are gone."""
        self._take_away(self.kube.delete, pods, "is deleted")

    def force_delete_pods(self, *pods: Object) -> None:
        """Delete Pods without waiting for their kubelet to end them, all at once, and wait until they are gone."""
        delete = partial(self.kube.delete, grace_period_seconds=0)
        self._take_away(delete, pods, "is deleted without a moment of grace")

    def make_again(self, kind: str, name: str) -> None:
        """Apply an object of the manifest that was deleted, and wait until it is seen here."""
        (item,) = [one for one in self.manifest if (one["kind"], one["metadata"]["name"]) == (kind, name)]
        self.note(kind, name, "is made again")
        self._wait_seen(kind, self.kube.apply(self.placed(item)))

    def hold_cluster_ips(self, service: Object) -> None:
        """Let a Service of its own have the ClusterIPs of one that was deleted, so that no new one gets them."""
        meta = service["metadata"]
        names = {"name": f"holder-{meta['uid']}", "namespace": self.namespace, "labels": meta.get("labels", {})}
        spec = {
            key: service["spec"][key] for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "ports")
        }
        holder = {"apiVersion": "v1", "kind": "Service", "metadata": names, "spec": spec}
        self.note("Service", str(names["name"]), f"is made with the ClusterIPs of {meta['name']}")
        self._wait_seen("Service", self.kube.apply(holder))

    def delete_service(self, name: str) -> None:
        """Delete a Service, and wait until it is gone."""
        self.note("Service", name, "is deleted")
        self.kube.delete(self.service(name))
        what = f"situation {self.name}: deleted Service {name} did not go"
        self.mirror.wait(lambda: not self.has_service(name) or None, self.timings.settle, what)

    def make_namespace_again(self) -> None:
        """Delete the namespace, wait until it is gone, and apply everything again. Raises ClusterError."""
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        self.note("Namespace", self.namespace, "is deleted")
        self.kube.delete(space)
        deadline = now() + self.timings.settle
        while self.kube.exists(space):
            if now() > deadline:
                raise ClusterError(f"situation {self.name}: its deleted namespace did not go")
            time.sleep(NAMESPACE_PAUSE_SECONDS)
        self.note("Namespace", self.namespace, "is made again, with everything that was in it")
        if error := _apply(self):
            raise error

    def placed(self, item: Object) -> Object:
        """An object of the manifest, in this situation's namespace."""
        return item | {"metadata": item["metadata"] | {"namespace": self.namespace}}

    def has_service(self, name: str) -> bool:
        """Whether there is a Service of that name now."""
        return any(one["metadata"]["name"] == name for one in self.mirror.objects("Service", self.namespace))

    def evict_pods(self, *pods: Object) -> None:
        """Ask the API server to evict Pods, all at once, and wait until they are gone."""
        self._take_away(self.kube.evict, pods, "is evicted")

    def restart_container(self, pod: str) -> None:
        """End the agent of a Pod, and wait until its container was started anew."""

        def restarts() -> int:
            return sum(int(one["restartCount"]) for one in self.pod(pod)["status"].get("containerStatuses", []))

        before = restarts()
        self.note("Pod", pod, "its program is ended")
        self.agent(pod).exit()
        what = f"situation {self.name}: the container of {pod} was not started anew"
        self.mirror.wait(lambda: restarts() > before or None, self.timings.settle, what)

    def _take_away(self, take: Callable[[Object], None], pods: Collection[Object], what: str) -> None:
        for pod in pods:
            self.note("Pod", pod["metadata"]["name"], what)
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            list(pool.map(take, pods))
        old = {pod["metadata"]["uid"] for pod in pods}
        self.mirror.wait(
            lambda: old.isdisjoint(pod["metadata"]["uid"] for pod in self.pods()) or None,
            self.timings.settle,
            f"situation {self.name}: deleted Pods did not go",
        )

    def replicas(self, kind: str, name: str) -> int:
        """How many replicas a StatefulSet or Deployment shall have."""
        return int(self._one(kind, name)["spec"]["replicas"])

    def scale(self, kind: str, name: str, replicas: int) -> None:
        """Change the number of replicas of a StatefulSet or Deployment, and wait until the change is seen here."""
        self.change(kind, name, {"spec": {"replicas": replicas}})

    def change(self, kind: str, name: str, body: Object) -> None:
        """Merge patch of one object; wait until the change is seen here."""
        self.note(kind, name, f"is patched with {json.dumps(body)}")
        self._wait_seen(kind, self.kube.patch(self._one(kind, name), body))

    def patch(self, kind: str, name: str, body: Object) -> None:
        """The same, and wait until all is settled again."""
        self.change(kind, name, body)
        self.wait_settled()

    def scale_back(self) -> None:
        """Have as many replicas of everything as the manifest says, whatever a test has made of it."""
        for item in self.manifest:
            if "replicas" in item.get("spec", {}):
                self.scale(item["kind"], item["metadata"]["name"], item["spec"]["replicas"])

    def set_gate(self, pod: str, *, is_open: bool) -> None:
        """Open or shut the readiness gate of a Pod that has one; wait until it and its EndpointSlices have followed."""
        self.note("Pod", pod, f"its readiness gate is {'opened' if is_open else 'shut'}")
        condition = {"type": READINESS_GATE, "status": str(is_open)}
        self._wait_seen("Pod", self.kube.patch_status(self.pod(pod), {"status": {"conditions": [condition]}}))
        what = f"situation {self.name}: Pod {pod} did not become {'ready' if is_open else 'unready'}"
        self.mirror.wait(lambda: oracle.is_ready(self.pod(pod)) is is_open or None, self.timings.settle, what)
        self.wait_settled()

    def _wait_seen(self, kind: str, changed: Object) -> None:
        """Wait until this change, or a later one, is known here."""
        name = changed["metadata"]["name"]

        def is_seen() -> bool | None:
            found = [one for one in self.mirror.objects(kind, self.namespace) if one["metadata"]["name"] == name]
            return any(_revision(one) >= _revision(changed) for one in found) or None

        self.mirror.wait(is_seen, self.timings.settle, f"situation {self.name}: the change of {name} was not seen")

    def note(self, kind: str, name: str, what: str) -> None:
        """Put something that is done, and is no change of an object of this situation, on its timelines."""
        self.mirror.tell(Event(now(), kind, self.namespace, name, what))

    def wait_settled(self, within: float | None = None) -> None:
        """Wait until every workload is as specified and every EndpointSlice says so. Raises ClusterError when not.

        ``within`` is seconds, by default `Timings.settle`.
        """
        self.mirror.wait(self._is_settled, within or self.timings.settle, f"situation {self.name} did not settle")
        self.settled_at = now()

    def wait_unready(self, node: str) -> None:
        """Wait until no Pod on ``node`` is ready any more, and every EndpointSlice says so. Raises ClusterError."""

        def is_so() -> bool | None:
            there = [pod for pod in self.pods() if pod["spec"].get("nodeName") == node]
            services = self.mirror.objects("Service", self.namespace)
            return (not any(map(oracle.is_ready, there)) and all(map(self._is_published, services))) or None

        self.mirror.wait(is_so, self.timings.settle, f"situation {self.name}: Pods on lost node {node} stayed ready")
        self.settled_at = now()

    def confirm(self, age: float = 0.0) -> bool:
        """Wait until what is known of the objects is what the API server has now, and its EndpointSlices say so.

        What it had ``age`` seconds ago will do. DNS follows EndpointSlices: while their controller is behind, Pods say
        what DNS cannot know. Returns whether that had to be waited for. Raises ClusterError when it does not come.
        """
        self.mirror.confirm(self.namespace, age)
        if self._all_published():
            return False
        what = f"situation {self.name}: its EndpointSlices do not follow its Pods"
        self.mirror.wait(self._all_published, self.timings.settle, what)
        return True

    def _all_published(self) -> bool | None:
        return all(map(self._is_published, self.mirror.objects("Service", self.namespace))) or None

    def objects(self) -> list[Object]:
        """Everything of this situation as it is now, for the evidence."""
        items = [item for kind in KINDS for item in self.mirror.last_known(kind, self.namespace)]
        return [item | {"metadata": _without_bookkeeping(item["metadata"])} for item in items]

    def stated(self) -> list[str]:
        """The objects as they are now, a line each, as far as DNS depends on them."""
        return [described(kind, item) for kind in KINDS for item in self.mirror.last_known(kind, self.namespace)]

    def _one(self, kind: str, name: str) -> Object:
        if (found := self.mirror.one(kind, self.namespace, name)) is not None:
            return found
        raise ClusterError(f"situation {self.name} has no {kind} {name!r} in namespace {self.namespace}")

    def _is_settled(self) -> bool | None:
        asked_for = [(item["kind"], item["metadata"]["name"]) for item in self.manifest if item["kind"] in KINDS]
        there = {
            (kind, one["metadata"]["name"]): one for kind in KINDS for one in self.mirror.objects(kind, self.namespace)
        }
        workloads = [one for (kind, _), one in there.items() if kind in WORKLOADS]
        # What is soon said comes first: this is asked after every change, of a thousand Pods it may be.
        if not there.keys() >= set(asked_for) or not all(map(_is_rolled_out, workloads)):
            return None
        pods = [one for (kind, _), one in there.items() if kind == "Pod"]
        wanted = sum(one["spec"]["replicas"] for one in workloads) + sum(kind == "Pod" for kind, _ in asked_for)
        if len(pods) != wanted or not all(map(_is_up, pods)):
            return None
        return all(self._is_published(there[one]) for one in asked_for if one[0] == "Service") or None

    def _is_published(self, service: Object) -> bool:
        if not service["spec"].get("selector"):
            return True
        pods = self.pods(service["metadata"]["name"])
        addresses = [oracle.published_addresses(service, pods, rdtype) for rdtype in oracle.rdtypes(service)]
        wanted = {one for of_family in addresses for one in of_family}
        return wanted == oracle.slice_addresses(self.mirror.objects("EndpointSlice", self.namespace), service)


def prepare(names: Iterable[str], run: str, zone: str, kube: Kube, mirror: Mirror, timings: Timings) -> list[Situation]:
    """Read the manifests of the situations. Nothing is made yet."""
    made, marks = [], RESTRICTED | {RUN_LABEL: run}
    for name in names:
        items = list(manifest.load(name, run))
        spaces = [item for item in items if item["kind"] == "Namespace"]
        labels = {key: text for item in spaces for key, text in item["metadata"]["labels"].items()}
        rest = [item for item in items if item["kind"] != "Namespace"]
        made.append(Situation(name, _namespace(name, run), zone, kube, mirror, timings, rest, marks | labels))
    return made


def deploy(situations: Collection[Situation]) -> dict[str, ClusterError]:
    """Apply every situation at once; they are not settled yet when this returns. Returns what the cluster refused."""
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        failed = dict(zip([one.name for one in situations], pool.map(_apply, situations), strict=True))
    return {name: error for name, error in failed.items() if error is not None}


def delete(namespaces: Iterable[str], kube: Kube) -> list[str]:
    """Tell the API server to delete every namespace; it finishes that on its own. Returns a line for each failure."""
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        return [problem for problem in pool.map(partial(_delete, kube), namespaces) if problem]


def _delete(kube: Kube, namespace: str) -> str:
    try:
        kube.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    except ClusterError as error:
        return f"could not delete namespace {namespace}: {error}"
    return ""


def _apply(situation: Situation) -> ClusterError | None:
    space = {"name": situation.namespace, "labels": situation.namespace_labels}
    try:
        situation.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": space})
        for item in situation.manifest:
            _apply_one(situation, situation.placed(item))
    except ClusterError as error:
        return error
    return None


def _apply_one(situation: Situation, item: Object) -> None:
    """Apply; a Pod is refused until a controller has made the service account of its new namespace."""
    deadline = now() + situation.timings.settle
    while True:
        try:
            situation.kube.apply(item)
        except ClusterError as error:
            if NO_ACCOUNT_YET not in str(error) or now() > deadline:
                raise
            time.sleep(ACCOUNT_PAUSE_SECONDS)
        else:
            return


def _is_up(pod: Object) -> bool:
    """Whether a Pod is ready, or would be if its readiness gate let it."""
    gates = [one["conditionType"] for one in pod["spec"].get("readinessGates", [])]
    has_come_up = oracle.has_condition(pod, "ContainersReady") and bool(oracle.pod_ips(pod))
    return oracle.is_ready(pod) or (READINESS_GATE in gates and has_come_up)


def _revision(item: Object) -> int:
    """Later changes of an object have greater ones (Kubernetes API concepts, resource versions)."""
    return int(item["metadata"]["resourceVersion"])


def _namespace(name: str, run: str) -> str:
    return f"kdc-{run}-{name.replace('/', '-')}"


def is_of_a_run(namespace: str) -> bool:
    """Whether it is called like one that a run makes."""
    return re.fullmatch(r"kdc-[0-9a-f]{8}-.*", namespace) is not None


def _without_bookkeeping(metadata: Object) -> Object:
    return {key: value for key, value in metadata.items() if key != "managedFields"}


def _is_rolled_out(workload: Object) -> bool:
    status, replicas = workload.get("status", {}), workload["spec"]["replicas"]
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return False
    counts = (status.get(key, 0) for key in ("replicas", "readyReplicas", "updatedReplicas"))
    return all(count == replicas for count in counts)
