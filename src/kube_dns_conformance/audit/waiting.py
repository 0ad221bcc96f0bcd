"""Looks after the Pods of a spread audit: those that are at work, that end, that do not, and that never begin."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance import oracle
from kube_dns_conformance.agent import workload
from kube_dns_conformance.audit.task import NAME, Task
from kube_dns_conformance.errors import ClusterError, ExitCode
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.progress import Step

INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
LOOK_SECONDS = 0.5
NODES_SECONDS = 5.0
"""So often it is looked which nodes are ready."""
GONE_SECONDS = 10.0
"""A Pod that was told to end that long ago, and has not, is on a node that nobody hears of."""
MOST_PODS = 10
"""So many Pods of one shard are enough: what fails is limited by the Job, but not what is evicted."""
MOST_RESTARTS = 4
"""The same for a Pod of a DaemonSet."""
ENDED = {"Failed", "Succeeded"}


class Waiting:
    """Waits until all Pods have left what they found, or will not."""

    def __init__(self, kube: Kube, mirror: Mirror, task: Task, progress: Step) -> None:
        self._kube = kube
        self._mirror = mirror
        self._task = task
        self._progress = progress
        self._wanted = task.shards
        self._worked_at = time.monotonic()
        self._pods: defaultdict[str, set[str]] = defaultdict(set)
        self._ending: dict[str, float] = {}
        self._away: tuple[float, set[str]] = (-NODES_SECONDS, set())
        self._words: dict[str, str] = {}

    def wait(self, is_over: Callable[[Sequence[Object]], bool]) -> None:
        """Until ``is_over``, or nobody has been at work for as long as Pods may take to become ready.

        Raises ClusterError when the API server or the Job is gone, or no Pod can start.
        """
        while True:
            pods = self._mirror.objects("Pod", self._task.namespace)
            self._hear(pods)
            in_vain = self._waits_in_vain(pods)
            if not any(map(_has_started, pods)):
                _insist_hopeful(pods, in_vain)
            if is_over(pods) or in_vain:
                return
            time.sleep(LOOK_SECONDS)

    def job_is_over(self, pods: Sequence[Object]) -> bool:
        """Whether every shard has been done, or will not be."""
        for pod in pods:
            self._let_go(pod)
        status = self._status("batch/v1", "Job")
        self._progress.update(done=status.get("succeeded", 0), total=self._task.shards)
        ended = [one for one in status.get("conditions", []) if one["type"] in {"Complete", "Failed"}]
        return any(one["status"] == "True" for one in ended)

    def nodes_are_over(self, pods: Sequence[Object]) -> bool:
        """Whether the Pod of every node is ready, which is when it has left what it found, or will not be."""
        self._wanted = self._status("apps/v1", "DaemonSet").get("desiredNumberScheduled", 0)
        done = [pod for pod in pods if oracle.is_ready(pod)]
        self._progress.update(done=len(done), total=self._wanted)
        over = [pod for pod in pods if oracle.is_ready(pod) or _has_given_up(pod) or _node(pod) in self._nodes_away()]
        return 0 < self._wanted <= len(pods) == len(over)

    def lost(self, found: set[str]) -> Mapping[str, str]:
        """Of whom nothing was ``found``, by what they are called, and why: what their Pods said last."""
        default = "none of its Pods came to its end"
        if self._task.shards:
            missing = [index for index in range(self._task.shards) if str(index) not in found]
            return {f"shard {at + 1} of {self._task.shards}": self._words.get(str(at), default) for at in missing}
        lost = {f"node {one}": self._words.get(one, default) for one in sorted(self._pods.keys() - found)}
        if (more := self._wanted - len(self._pods)) > 0:
            lost[f"{more} more nodes"] = "there was no Pod for them"
        return lost

    def _status(self, api_version: str, kind: str) -> Object:
        """That of the Job or DaemonSet; nothing when the API server is away, which `Mirror` does not let pass."""
        try:
            return dict(self._kube.get(api_version, kind, NAME, self._task.namespace).get("status") or {})
        except NotFoundError:
            raise ClusterError(f"somebody has deleted the {kind} of the audit") from None
        except ClusterError:
            return {}

    def _waits_in_vain(self, pods: Sequence[Object]) -> bool:
        """Whether nobody has been at work for so long that nobody will be."""
        if any(map(self._is_at_work, pods)):
            self._worked_at = time.monotonic()
        return time.monotonic() - self._worked_at > self._task.timings.settle

    def _is_at_work(self, pod: Object) -> bool:
        runs = any("running" in state for state in _states(pod)) and pod["status"].get("phase") not in ENDED
        is_last = len(self._pods[self._whose(pod)]) >= MOST_PODS
        return runs and not is_last and not oracle.is_ready(pod) and _node(pod) not in self._nodes_away()

    def _nodes_away(self) -> set[str]:
        looked_at, away = self._away
        if time.monotonic() - looked_at < NODES_SECONDS:
            return away
        with suppress(ClusterError):  # as they were when last seen
            nodes, _ = self._kube.list("v1", "Node")
            away = {node["metadata"]["name"] for node in nodes if not oracle.has_condition(node, "Ready")}
        self._away = time.monotonic(), away
        return away

    def _whose(self, pod: Object) -> str:
        return str(pod["metadata"]["labels"].get(INDEX_LABEL, "")) if self._task.shards else _node(pod)

    def _hear(self, pods: Sequence[Object]) -> None:
        """What they say at their end, or why they do not begin; of several Pods of one shard the last counts."""
        for pod in sorted(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", ""))):
            whose = self._whose(pod)
            self._pods[whose].add(pod["metadata"]["uid"])
            self._words.pop(whose, None)
            why = "its node is not ready" if _node(pod) in self._nodes_away() else _why(pod)
            if why:
                self._words[whose] = why

    def _let_go(self, pod: Object) -> None:
        """A Pod on a node that is gone ends only when somebody says so, and is not replaced before that."""
        meta = pod["metadata"]
        if "deletionTimestamp" not in meta or pod["status"].get("phase") in ENDED:
            return
        since = self._ending.setdefault(meta["uid"], time.monotonic())
        if time.monotonic() - since > GONE_SECONDS:
            named = {"apiVersion": "v1", "kind": "Pod", "metadata": meta}
            with suppress(ClusterError):  # it may have gone just now
                self._kube.patch_status(named, {"status": {"phase": "Failed", "reason": "NodeLost"}})
                self._kube.delete(named, grace_period_seconds=0)


def _states(pod: Object) -> list[Object]:
    return [one.get("state", {}) for one in pod["status"].get("containerStatuses", [])]


def _has_started(pod: Object) -> bool:
    return any("running" in one or "terminated" in one for one in _states(pod)) or _restarts(pod) > 0


def _restarts(pod: Object) -> int:
    return sum(one.get("restartCount", 0) for one in pod["status"].get("containerStatuses", []))


def _ends(pod: Object) -> list[Object]:
    """How its container has ended, the last time last."""
    found = pod["status"].get("containerStatuses", [])
    states = [state for one in found for state in (one.get("lastState", {}), one.get("state", {}))]
    return [state["terminated"] for state in states if "terminated" in state]


def _has_given_up(pod: Object) -> bool:
    """What is told that it was asked wrongly need not be told again."""
    return _restarts(pod) >= MOST_RESTARTS or any(one.get("exitCode") == ExitCode.USAGE for one in _ends(pod))


def _node(pod: Object) -> str:
    """Where it is, or a DaemonSet wants it to be."""
    if name := pod["spec"].get("nodeName"):
        return str(name)
    wanted = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = wanted.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
    fields = [field for term in terms for field in term.get("matchFields", [])]
    return next((str(one["values"][0]) for one in fields if one["key"] == "metadata.name"), "")


def _why(pod: Object) -> str:
    """Why it has not come to its end, as far as it can be seen."""
    for ended in reversed(_ends(pod)):
        if ended.get("exitCode"):
            lines = str(ended.get("message") or ended.get("reason") or "").strip().splitlines()
            said = [line for line in lines if line.startswith("ERROR")] or lines
            return f"exit status {ended['exitCode']}" + (f": {said[-1]}" if said else "")
    if pod["status"].get("phase") == "Failed":
        return str(pod["status"].get("message") or pod["status"].get("reason") or "")
    for one in pod["status"].get("conditions", []):
        if one["type"] == "PodScheduled" and one["status"] == "False":
            return str(one.get("message", "it cannot be scheduled"))
    waiting = [state["waiting"] for state in _states(pod) if "waiting" in state]
    return next((str(one.get("message") or one.get("reason")) for one in waiting), "")


def _insist_hopeful(pods: Sequence[Object], in_vain: bool) -> None:
    failed = [why for pod in pods if (why := workload.failure(pod, "the audit", "--image names another one"))]
    if failed and len(failed) == len(pods):
        raise failed[0]
    if in_vain:
        raise workload.with_reason(ClusterError("no Pod of the audit has started"), pods)
