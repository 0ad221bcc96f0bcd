"""Ending what answers DNS, and stopping the API server for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from kube_dns_conformance import oracle, scaling
from kube_dns_conformance.clusters import coredns, kwokctl, processes
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.run import Run
from kube_dns_conformance.signals import cleaning_up
from kube_dns_conformance.situations import Situation

PAUSE_SECONDS = 0.1


def replicas(run: Run) -> list[Server]:
    """The servers that are one replica each, of which one may be ended. Raises ClusterError when there are not two."""
    run.look_again()
    found = [server for server in run.cluster.dns if server.single]
    if len(found) < 2:
        raise ClusterError("there are not two DNS replicas any more")
    return found


def service_of(run: Run) -> list[Server]:
    """What Pods ask, with the replicas behind it."""
    return [server for server in run.cluster.dns if not server.single]


def comes_back(run: Run) -> bool:
    """Whether a replica that is ended comes back to its own address, as a process does. A Pod takes it along."""
    return run.cluster.provider == "embedded"


def end_replica(run: Run, situation: Situation, server: Server) -> None:
    """End a DNS replica at once, without a moment for what it is doing. Another takes its place, or it starts again."""
    situation.note("DNS replica", str(server), "is ended at once")
    if comes_back(run):
        start_again = coredns.take_down(run.cluster.kubeconfig.parent, server)
        situation.note("DNS replica", str(server), "is started again")
        start_again()
        return
    situation.kube.delete(pod_of(situation.kube, server), grace_period_seconds=0)


def start_anew(run: Run, situation: Situation) -> None:
    """Every DNS replica that `comes_back` is started anew, and knows nothing of what was before.

    Who lost the API server a moment ago already tries it more and more rarely when it goes again: CoreDNS forgets that
    after two minutes, and what is measured would depend on what was done before.
    """
    for one in replicas(run):
        end_replica(run, situation, one)


def replace_one_by_one(run: Run, situation: Situation) -> None:
    """Delete every Pod that is a DNS replica the ordinary way, each when the one before has been replaced."""
    there = _pods(run, situation)
    for one in replicas(run):
        replace_replica(run, situation, one)
    _wait_ended(run, situation, there)


def replace_replica(run: Run, situation: Situation, server: Server) -> None:
    """Delete the Pod that is this DNS replica the ordinary way, and wait for another. Raises ClusterError."""
    number = len(replicas(run))
    situation.note("DNS replica", str(server), "is deleted")
    situation.kube.delete(pod_of(situation.kube, server))
    wait_replaced(run, server, number)
    situation.note("DNS replica", str(server), "was replaced")


@contextmanager
def scaled(run: Run, situation: Situation) -> Iterator[tuple[int, Callable[[int], None]]]:
    """How many DNS replicas there shall be, and a function that makes them another number, for which it waits.

    The end of the block makes it the first number again. Raises ClusterError.
    """
    deployment = scaling.deployment_of(situation.kube, {server.host for server in replicas(run)})
    if deployment is None:
        raise ClusterError("no Deployment runs DNS any more")
    before = scaling.replicas(situation.kube, deployment)

    def scale(number: int) -> None:
        there = _pods(run, situation)
        situation.note("Deployment", deployment.name, f"is scaled to {number} DNS replicas")
        scaling.scale(situation.kube, deployment, run.id, number, run.timings.api)
        _wait(run, lambda found: len(found) == number, f"there were not {number} DNS replicas")
        _wait_ended(run, situation, there)

    run.ledger.will_scale(deployment)
    try:
        yield before, scale
    finally:
        with cleaning_up():
            run.ledger.scale_back(situation.kube, deployment)
    _wait(run, lambda found: len(found) == before, f"there were not {before} DNS replicas")


def wait_replaced(run: Run, gone: Server, number: int) -> None:
    """Wait until there are ``number`` replicas again, and none of them the one that was ended. Raises ClusterError.

    One that `comes_back` is not waited for: that is judged.
    """
    if comes_back(run):
        return
    what = f"no other DNS replica took the place of {gone}"
    _wait(run, lambda hosts: len(hosts) >= number and gone.host not in hosts, what)


def stop_api_server(run: Run, situation: Situation) -> None:
    """Stop the API server of an embedded cluster, and what controls objects, for `Timings.away`.

    Wait until it is back and heard again. Raises ClusterError.
    """
    directory = run.cluster.kubeconfig.parent

    def wait_ready() -> None:
        situation.kube.wait_ready(run.timings.settle, lambda: None)
        situation.note("API server", "", "is ready")

    # What plays the nodes would try to reach it more and more rarely, and play them too late for everybody.
    with processes.frozen(directory, kwokctl.NODES):
        situation.note("API server", "", "is stopped")
        start_again = kwokctl.take_down_control_plane(directory)
        try:
            time.sleep(run.timings.away)
        finally:
            with cleaning_up():
                situation.note("API server", "", "is started again")
                start_again(wait_ready)
    situation.mirror.wait_alive(run.timings.settle)


def pod_of(kube: Kube, server: Server) -> Object:
    """The Pod that is this DNS replica. Raises ClusterError when there is none any more."""
    for pod in kube.list("v1", "Pod")[0]:
        if server.host in {one["ip"] for one in oracle.pod_ips(pod)}:
            return pod
    raise ClusterError(f"{server} is no Pod any more")


def _pods(run: Run, situation: Situation) -> list[Object]:
    """The Pods that are DNS replicas now."""
    run.look_again()
    return [pod_of(situation.kube, server) for server in run.cluster.dns if server.single]


def _wait_ended(run: Run, situation: Situation, before: Collection[Object]) -> None:
    """Wait until those Pods that are no DNS replicas any more have ended. Raises ClusterError when they do not.

    They answer for some seconds after they were told to end, and only then it shows whether somebody still asks them.
    """
    hosts = {server.host for server in run.cluster.dns if server.single}
    deadline = time.monotonic() + run.timings.settle
    for pod in before:
        if not any(one["ip"] in hosts for one in oracle.pod_ips(pod)):
            while _is_there(situation.kube, pod):
                if time.monotonic() > deadline:
                    raise ClusterError(f"DNS replica {pod['metadata']['name']} does not end")
                time.sleep(PAUSE_SECONDS)
            situation.note("DNS replica", pod["metadata"]["name"], "has ended")


def _is_there(kube: Kube, pod: Object) -> bool:
    meta = pod["metadata"]
    named = f"metadata.name={meta['name']}"
    found, _ = kube.list("v1", "Pod", namespace=meta["namespace"], field_selector=named)
    return any(one["metadata"]["uid"] == meta["uid"] for one in found)


def _wait(run: Run, is_so: Callable[[Collection[str]], bool], what: str) -> None:
    """Wait until the hosts of the DNS replicas are such. Raises ClusterError when they do not come to be."""
    deadline = time.monotonic() + run.timings.settle
    while True:
        run.look_again()
        if is_so({server.host for server in run.cluster.dns if server.single}):
            return
        if time.monotonic() > deadline:
            raise ClusterError(what)
        time.sleep(PAUSE_SECONDS)
