"""`upgrade` on a kind cluster: DNS rolled out, a runner that died, and upgrades that break something."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.commandline import CommandLine, read_until
from kind import bad_upgrades
from kind.bad_upgrades import rollout
from kind.roles import permitted
from kube_dns_conformance.agent.proxy import Agent
from kube_dns_conformance.clusters import engine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import RUN_LABEL, Kube
from kube_dns_conformance.results import Results, Verdict, read
from kube_dns_conformance.upgrade.folder import Folder
from kube_dns_conformance.upgrade.seen import read as read_seen

QUICK = [
    "--requirement=clusterip.address.*",
    "--requirement=podrecords.*",
    "--timing=propagation=5",
    "--timing=cache=5",
]


@pytest.fixture
def limited(cluster: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    with permitted(cluster, tmp_path, "run", "upgrade") as made:
        yield made


def script(*commands: list[str]) -> list[str]:
    """One command that runs these one after the other, until one fails."""
    return ["sh", "-ec", "\n".join(" ".join(f"'{word}'" for word in command) for command in commands)]


def upgrade(command: CommandLine, where: Cluster, *does: list[str]) -> tuple[int, Any, Results]:
    """The exit status, the outcome, and what was judged afterwards."""
    arguments = [f"--kubeconfig={where.kubeconfig}", *QUICK, "--state=up", "--json"]
    done = command("upgrade", *arguments, "--", *script(*does), timeout=420)
    assert done.stdout.strip(), done.stderr
    return done.returncode, json.loads(done.stdout[done.stdout.index("{") :]), read(command.directory / "up" / "after")


def accused(results: Results) -> set[str]:
    return {name for name, verdict in results.by_requirement().items() if verdict is Verdict.NONCONFORMANT}


@pytest.mark.release
def test_dns_is_rolled_out_and_watched_from_every_node_with_the_smallest_roles(
    limited: Cluster, stranger: CommandLine, kubectl: list[str]
) -> None:
    status, outcome, _ = upgrade(stranger, limited, *rollout(kubectl))
    assert (status, outcome["outcome"], outcome["command"]) == (0, "conformant", 0), outcome
    seen = read_seen(Folder(stranger.directory / "up").lines())
    nodes, _ = Kube(limited.kubeconfig).list("v1", "Node")
    assert {path.node for path in seen.clients()} == {node["metadata"]["name"] for node in nodes}
    assert len(seen.single) == 4  # the two replicas before, and the two after
    came = [one["name"] for one in seen.marks if "is ready at" in one["what"]]
    gone = [one["name"] for one in seen.marks if "is not ready any more" in one["what"]]
    assert (len(came), len(gone)) == (2, 2)
    assert not set(came) & set(gone)


@pytest.mark.release
def test_a_runner_that_died_and_an_agent_that_was_killed_lose_next_to_nothing(
    cluster: Cluster, stranger: CommandLine
) -> None:
    arguments = [f"--kubeconfig={cluster.kubeconfig}", *QUICK, "--state=up"]
    assert stranger("upgrade", "baseline", *arguments).returncode == 0
    watching = stranger.start("upgrade", "watch", *arguments, "--for=10m")
    read_until(watching, "watching ")
    folder = Folder(stranger.directory / "up")
    while sum(line["kind"] == "position" for line in folder.lines()) < 9:
        time.sleep(0.5)
    watching.kill()
    watching.wait()
    died_at = time.time()
    time.sleep(10)  # what the agents see meanwhile is heard by the next
    kube = Kube(cluster.kubeconfig)
    agents, _ = kube.list("v1", "Pod", label_selector=RUN_LABEL)
    victim = agents[0]
    token = folder.load("watching")["token"]
    again = stranger.start("upgrade", "watch", *arguments, "--for=20s")
    read_until(again, "watch: goes on")
    before = [line["kind"] for line in folder.lines()].count("position")
    while [line["kind"] for line in folder.lines()].count("position") < before + 9:
        time.sleep(0.5)  # until what was seen meanwhile has been heard
    Agent(kube.api, victim["metadata"]["namespace"], victim["metadata"]["name"], token).exit()
    assert again.wait(300) == 0, again.stdout.read() if again.stdout else ""
    seen = read_seen(folder.lines())
    assert seen.end is not None
    for path, track in seen.clients().items():
        allowed = 6.0 if path.node == victim["spec"]["nodeName"] else 3.0
        assert track.unknown < allowed, f"{path}: {track.unknown:.1f} s"
        assert track.start < died_at < track.end
    assert stranger("upgrade", "verify", *arguments).returncode == 0


@pytest.mark.release
def test_what_an_agent_saw_while_the_api_server_was_away_outlives_its_container(
    cluster: Cluster, stranger: CommandLine
) -> None:
    arguments = [f"--kubeconfig={cluster.kubeconfig}", *QUICK, "--state=up"]
    assert stranger("upgrade", "baseline", *arguments).returncode == 0
    control, worker = f"{cluster.name}-control-plane", f"{cluster.name}-worker"
    inside = [[engine.program(), "exec", node, "pkill"] for node in (control, worker)]
    away = [[*inside[0], f"-{signal}", "kube-apiserver"] for signal in ("STOP", "CONT")]
    kill = [*inside[1], "-KILL", "--full", "kube_dns_conformance.agent.server"]
    command = script(away[0], ["sleep", "15"], kill, ["sleep", "10"], away[1])
    watched = stranger("upgrade", "watch", *arguments, "--", *command, timeout=300)
    assert watched.returncode == 0, watched.stderr
    seen = read_seen(Folder(stranger.directory / "up").lines())
    assert {path.node for path in seen.clients()} >= {control, worker}
    for path, track in seen.clients().items():
        assert track.end - track.start > 25
        assert track.unknown < (6.0 if path.node == worker else 3.0), f"{path}: {track.unknown:.1f} s"


@pytest.mark.release
@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(
    ("does", "first", "others"),
    [
        (bad_upgrades.without_pods, "upgrade.dns.features-kept", set()),
        (bad_upgrades.other_zone, "upgrade.answers.in-time", set()),
        (bad_upgrades.twenty_seconds_without, "upgrade.answers.in-time", set()),
        (bad_upgrades.other_address, "upgrade.answers.in-time", set()),
        (bad_upgrades.one_replica_and_its_node_drained, "upgrade.answers.in-time", set()),
        (bad_upgrades.liar_left_behind, "upgrade.answers.true", {"upgrade.records.kept"}),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_an_upgrade_that_breaks_something_is_told_by_what_it_breaks(
    cluster: Cluster, stranger: CommandLine, kubectl: list[str], tmp_path: Path, does: Any, first: str, others: set[str]
) -> None:
    status, outcome, after = upgrade(stranger, cluster, *does(kubectl, tmp_path))
    assert status == 1, outcome
    broken = {name for name in accused(after) if name.startswith("upgrade.")}
    assert first in broken
    assert broken <= {first, *others}, outcome["broken"]
