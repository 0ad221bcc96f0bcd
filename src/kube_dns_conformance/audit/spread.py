"""An audit spread over its cluster: an Indexed Job, a share for each of its Pods, or a Pod on every node.

Kubernetes starts them, and again what was killed, evicted or lost with its node; what they find is in ConfigMaps.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import yaml

from kube_dns_conformance import oracle
from kube_dns_conformance.agent import workload
from kube_dns_conformance.audit.findings import Outcome
from kube_dns_conformance.audit.task import DATA, RESULT_LABEL, Task
from kube_dns_conformance.audit.together import of_nodes, of_shards, unpack
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import RUN_LABEL, Kube, Object
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.progress import Step, step
from kube_dns_conformance.resources import folder
from kube_dns_conformance.timings import Timings

NAME = "audit"
INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
LOOK_SECONDS = 0.5
STUCK_SECONDS = 10.0
"""A Pod that was told to end that long ago, and has not, is on a node that nobody hears of."""
ATTEMPTS = 4
"""How often a Pod of a DaemonSet may fail, as one of the Job."""


def namespace_of(run: str) -> str:
    """Where the Pods of a run's audit live."""
    return f"kdc-{run}-{NAME}"


def spread(kube: Kube, mirror: Mirror, task: Task, image: str) -> Outcome:
    """Make the Pods, wait for them, and return what they found together.

    ``mirror`` must follow what is labelled with the run. Raises ClusterError when there can be no Pods.
    """
    space = kube.create(_labelled(_space(task.namespace), task))
    for item in objects(task, image, space["metadata"]["uid"]):
        kube.create(item)  # not applied, for which whoever does it would need the right to change the roles of others
    with step("auditing from every node" if not task.shards else f"auditing in {task.shards} shards") as progress:
        waiting = _Waiting(kube, mirror, task, progress)
        waiting.wait(waiting.job_is_over if task.shards else waiting.nodes_are_over)
    return _together(task, _collect(kube, task), waiting.problems())


def objects(task: Task, image: str, owner: str) -> list[Object]:
    """What is made in the namespace with the uid ``owner``; and what is of no namespace and goes with that one."""
    made = list(yaml.safe_load_all((folder("manifests") / "audit" / "shards.yaml").read_text()))
    *others, job = (_labelled(item, task) for item in made)
    reference = {"apiVersion": "v1", "kind": "Namespace", "name": task.namespace, "uid": owner}
    for item in others:
        for subject in item.get("subjects", ()):
            subject["namespace"] = task.namespace
        if item["kind"].startswith("Cluster"):
            item["metadata"] |= {"name": task.namespace, "ownerReferences": [reference]}
            item.get("roleRef", {})["name"] = task.namespace
        else:
            item["metadata"]["namespace"] = task.namespace
    told = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "task"},
        "data": {"task.json": task.as_text()},
    }
    job["spec"]["template"]["spec"]["containers"][0]["image"] = image
    job["spec"]["template"]["metadata"]["labels"][RUN_LABEL] = task.run
    job["spec"] |= {"completions": task.shards, "parallelism": task.shards}
    last = [_labelled(told, task), job if task.shards else _on_every_node(job)]
    for item in last:
        item["metadata"]["namespace"] = task.namespace
    return others + last


def _on_every_node(job: Object) -> Object:
    """The same Pods, on tainted nodes too."""
    template = job["spec"]["template"]
    template["spec"]["tolerations"] = [{"operator": "Exists"}]
    del template["spec"]["topologySpreadConstraints"], template["spec"]["restartPolicy"]
    selector = {"matchLabels": {"app": template["metadata"]["labels"]["app"]}}
    spec = {"selector": selector, "template": template}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": job["metadata"], "spec": spec}


def _space(name: str) -> Object:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _labelled(item: Object, task: Task) -> Object:
    item["metadata"].setdefault("labels", {})[RUN_LABEL] = task.run
    return item


class _Waiting:
    """Looks after the Pods until all have left what they found, or will not."""

    def __init__(self, kube: Kube, mirror: Mirror, task: Task, progress: Step) -> None:
        self._kube = kube
        self._mirror = mirror
        self._task = task
        self._progress = progress
        self._ending: dict[str, float] = {}
        self._lost: dict[str, str] = {}
        self._last_words: dict[str, str] = {}

    def wait(self, is_over: Callable[[Sequence[Object]], bool]) -> None:
        """Raises ClusterError when the API server is gone, or no Pod can start."""
        began, started = time.monotonic(), False
        while True:
            pods = self._mirror.objects("Pod", self._task.namespace)
            started = started or any(map(_has_started, pods))
            if not started:
                _insist_hopeful(pods, time.monotonic() - began > self._timings.settle)
            self._hear(pods)
            if is_over(pods):
                return
            time.sleep(LOOK_SECONDS)

    def job_is_over(self, pods: Sequence[Object]) -> bool:
        """Whether every shard has been done, or will not be."""
        for pod in pods:
            self._let_go(pod)
        status = self._get("batch/v1", "Job")
        self._progress.update(done=status.get("succeeded", 0), total=self._task.shards)
        ended = [one for one in status.get("conditions", []) if one["type"] in {"Complete", "Failed"}]
        return any(one["status"] == "True" for one in ended)

    def nodes_are_over(self, pods: Sequence[Object]) -> bool:
        """Whether the Pod of every node is ready, which is when it has left what it found, or will not be."""
        wanted = self._get("apps/v1", "DaemonSet").get("desiredNumberScheduled", 0)
        done = [pod for pod in pods if oracle.is_ready(pod)]
        failed = [pod for pod in pods if _restarts(pod) >= ATTEMPTS]
        away = self._nodes_away() if len(done) < wanted else set()
        lost = [pod for pod in pods if pod not in done and pod["spec"].get("nodeName") in away]
        self._lost = {pod["spec"]["nodeName"]: "the node is not ready" for pod in lost}
        self._progress.update(done=len(done), total=wanted)
        over = {pod["metadata"]["name"] for pod in [*done, *failed, *lost]}
        return 0 < wanted <= len(pods) and len(over) == len(pods)

    def problems(self) -> Mapping[str, str]:
        """By shard or node, what its Pods said last who did not come to their end."""
        return self._last_words | self._lost

    @property
    def _timings(self) -> Timings:
        return self._task.timings

    def _get(self, api_version: str, kind: str) -> Object:
        """The status of the Job or DaemonSet; nothing when the API server is away, which `Mirror` does not let pass."""
        try:
            return dict(self._kube.get(api_version, kind, NAME, self._task.namespace).get("status") or {})
        except ClusterError:
            return {}

    def _nodes_away(self) -> set[str]:
        try:
            nodes, _ = self._kube.list("v1", "Node")
        except ClusterError:
            return set()
        return {node["metadata"]["name"] for node in nodes if not oracle.has_condition(node, "Ready")}

    def _hear(self, pods: Sequence[Object]) -> None:
        """What they say at their end: the last Pod of each shard is the one that counts."""
        for pod in pods:
            whose = pod["metadata"]["labels"].get(INDEX_LABEL) or pod["spec"].get("nodeName", "")
            for said in _last_words(pod):
                self._last_words[whose] = said

    def _let_go(self, pod: Object) -> None:
        """A Pod on a node that is gone ends only when somebody says so, and is not replaced before that."""
        meta = pod["metadata"]
        if "deletionTimestamp" not in meta or pod["status"].get("phase") in {"Failed", "Succeeded"}:
            return
        since = self._ending.setdefault(meta["uid"], time.monotonic())
        if time.monotonic() - since > STUCK_SECONDS:
            named = {"apiVersion": "v1", "kind": "Pod", "metadata": meta}
            self._kube.patch_status(named, {"status": {"phase": "Failed", "reason": "NodeLost"}})


def _has_started(pod: Object) -> bool:
    states = [one.get("state", {}) for one in pod["status"].get("containerStatuses", [])]
    return any("running" in one or "terminated" in one for one in states) or _restarts(pod) > 0


def _restarts(pod: Object) -> int:
    return sum(one.get("restartCount", 0) for one in pod["status"].get("containerStatuses", []))


def _insist_hopeful(pods: Sequence[Object], is_late: bool) -> None:
    failed = [why for pod in pods if (why := workload.failure(pod, "the audit", "--image names another one"))]
    if failed and len(failed) == len(pods):
        raise failed[0]
    if is_late:
        raise workload.with_reason(ClusterError("no Pod of the audit has started"), pods)


def _last_words(pod: Object) -> Iterator[str]:
    for one in pod["status"].get("containerStatuses", []):
        for state in (one.get("lastState", {}), one.get("state", {})):
            ended = state.get("terminated")
            if ended and ended.get("exitCode"):
                lines = str(ended.get("message") or ended.get("reason") or "").strip().splitlines()
                yield f"exit status {ended['exitCode']}" + (f": {lines[-1]}" if lines else "")


def _collect(kube: Kube, task: Task) -> dict[str, Outcome]:
    """What was found, by shard or node; of two Pods that left the same, one."""
    found, _ = kube.list("v1", "ConfigMap", namespace=task.namespace, label_selector=RESULT_LABEL)
    pieces: dict[tuple[str, str, int], dict[int, bytes]] = {}
    for one in found:
        pod, at, count = one["metadata"]["annotations"][RESULT_LABEL].split()
        some = pieces.setdefault((one["metadata"]["labels"][RESULT_LABEL], pod, int(count)), {})
        some[int(at)] = base64.b64decode(one["binaryData"][DATA])
    whole = {
        whose: b"".join(piece for _, piece in sorted(some.items()))
        for (whose, _, count), some in sorted(pieces.items())
        if len(some) == count
    }
    return {whose: unpack(packed) for whose, packed in whole.items()}


def _together(task: Task, found: dict[str, Outcome], problems: Mapping[str, str]) -> Outcome:
    if not task.shards:
        outcome = of_nodes(found)
        lost = {f"node {node}": why for node, why in problems.items() if node not in found}
    else:
        outcome = of_shards(found.values())
        missing = [index for index in range(task.shards) if str(index) not in found]
        said = {index: problems.get(str(index), "none of its Pods came to its end") for index in missing}
        lost = {f"shard {index + 1} of {task.shards}": why for index, why in said.items()}
    outcome.incomplete += [f"{who} left nothing: {why}" for who, why in sorted(lost.items())]
    return outcome
