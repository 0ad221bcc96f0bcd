"""What needs a thousand Pods is judged where that is allowed, and only there."""

from __future__ import annotations

import pytest

from cluster.commandline import CommandLine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.results import Verdict

WANTED = "--requirement=survival.large-rollout.*"
REQUIREMENTS = {
    "survival.large-rollout.names-follow",
    "survival.large-rollout.old-addresses-gone",
    "survival.large-rollout.service-never-denied",
}


def test_nobody_gets_a_thousand_pods_who_did_not_ask_for_them(command: CommandLine, cluster: Cluster) -> None:
    servers = [f"--dns-server={one}" for one in cluster.dns]
    done, found = command.judge(cluster, *servers, WANTED)
    assert done.returncode == 3
    assert found.by_requirement() == dict.fromkeys(REQUIREMENTS, Verdict.UNSUPPORTED)
    assert "needs large-workloads" in done.stdout


@pytest.mark.release
@pytest.mark.timeout(1800)
def test_every_one_of_a_thousand_names_is_watched_while_they_are_rolled(command: CommandLine, cluster: Cluster) -> None:
    servers = [f"--dns-server={one}" for one in cluster.dns]
    done, found = command.judge(cluster, *servers, WANTED, "--allow-large", timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert found.by_requirement() == dict.fromkeys(REQUIREMENTS, Verdict.CONFORMANT)
    (change, *_) = found.results[0].evidence["changes"]
    assert len({one["name"] for one in change["windows"]}) == 1001
    assert len([one for one in change["events"] if one["kind"] == "Pod" and one["what"] == "is gone"]) == 1000
