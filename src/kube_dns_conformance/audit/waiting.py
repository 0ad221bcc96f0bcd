"""Looks after the Pods of a spread audit: those that end, that do not, and that never begin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from kube_dns_conformance import oracle
from kube_dns_conformance.agent import workload
from kube_dns_conformance.audit.task import NAME, Task
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.progress import Step
from kube_dns_conformance.timings import Timings

INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
LOOK_SECONDS = 0.5
STUCK_SECONDS = 10.0
"""A Pod that was told to end that long ago, and has not, is on a node that nobody hears of."""
ATTEMPTS = 4
"""How often a Pod of a DaemonSet may fail, as one of the Job."""


class Waiting:
    """Waits until all Pods have left what they found, or will not."""

    def __init__(self, kube: Kube, mirror: Mirror, task: Task, progress: Step) -> None:
        self._kube = kube
        self._mirror = mirror
        self._task = task
        self._progress = progress
        self._wanted = task.shards
        self._seen: tuple[list[bool], float] = ([], time.monotonic())
        self._ending: dict[str, float] = {}
        self._lost: dict[str, str] = {}
        self._last_words: dict[str, str] = {}

    def wait(self, is_over: Callable[[Sequence[Object]], bool]) -> None:
        """Raises ClusterError when the API server is gone, or no Pod can start."""
        while True:
            pods = self._mirror.objects("Pod", self._task.namespace)
            is_stuck = self._is_stuck(pods)
            if not any(map(_has_started, pods)):
                _insist_hopeful(pods, is_stuck)
            self._hear(pods)
            if is_over(pods) or is_stuck:
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
        self._wanted = wanted = self._get("apps/v1", "DaemonSet").get("desiredNumberScheduled", 0)
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

    def _is_stuck(self, pods: Sequence[Object]) -> bool:
        """Whether some have not started for so long that they never will, however long the others work."""
        started = [_has_started(pod) for pod in pods]
        if started != self._seen[0]:
            self._seen = started, time.monotonic()
        waits = not all(started) or len(started) < max(1, self._wanted)
        return waits and time.monotonic() - self._seen[1] > self._timings.settle

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
        """What they say at their end, or why they do not begin."""
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
            with suppress(ClusterError):  # it may have gone just now
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
    for one in pod["status"].get("conditions", []):
        if one["type"] == "PodScheduled" and one["status"] == "False":
            yield str(one.get("message", "it cannot be scheduled"))
    for one in pod["status"].get("containerStatuses", []):
        for state in (one.get("lastState", {}), one.get("state", {})):
            ended = state.get("terminated")
            if ended and ended.get("exitCode"):
                lines = str(ended.get("message") or ended.get("reason") or "").strip().splitlines()
                yield f"exit status {ended['exitCode']}" + (f": {lines[-1]}" if lines else "")
