"""The suites spread over processes by pytest-xdist: one cluster, one set of workloads, the same verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.kube import RUN_LABEL, Kube
from kube_dns_conformance.results import Verdict, read

pytest_plugins = ["pytester"]

SUITES = Path(__file__).parents[2] / "suites"
CHOSEN = (
    *("clusterip.address.*", "headless.srv.*", "statefulset.*", "resolver.search.*"),
    *("survival.pod-restart.*", "survival.service-recreated.*"),
)
SUITE = """
import os
from kube_dns_conformance.fixtures import requirement

@requirement("clusterip.address.ipv4")
def test_address(situation):
    {address}

@requirement("clusterip.address.ipv6")
def test_again():
    {again}
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, cluster: Cluster) -> pytest.Pytester:
    """A project that uses our plugin on the running cluster."""
    servers = [f"--dns-server={server}" for server in cluster.dns]
    options = ["--cluster=existing", f"--kubeconfig={cluster.kubeconfig}", *servers, "--report-dir=report"]
    pytester.makeini(f"[pytest]\naddopts = {' '.join(options)} --import-mode=importlib --dist=loadfile\n")
    return pytester


def write(suite: pytest.Pytester, address: str = "pass", again: str = "pass") -> None:
    (suite.mkdir("clusterip") / "test_address.py").write_text(SUITE.format(address=address, again=again))


@pytest.mark.release
def test_several_processes_give_the_same_verdicts_on_one_set_of_workloads(
    suite: pytest.Pytester, cluster: Cluster
) -> None:
    chosen = [f"--requirement={one}" for one in CHOSEN]
    # Without it, the configuration would be that of the suites' own project.
    chosen.append(f"--config-file={suite.path / 'tox.ini'}")
    alone = suite.runpytest_subprocess(SUITES, *chosen)
    expected = {(result.test, result.verdict) for result in read(suite.path / "report").results}
    shared = suite.runpytest_subprocess(SUITES, *chosen, "-n", "3")
    found = read(suite.path / "report")
    assert (alone.ret, shared.ret) == (0, 0)
    assert len(expected) > 15
    assert {(result.test, result.verdict) for result in found.results} == expected
    assert found.complete
    made, _ = Kube(cluster.kubeconfig).list("v1", "Namespace", label_selector=f"{RUN_LABEL}={found.run['run']}")
    going = [one["metadata"]["name"] for one in made if "deletionTimestamp" in one["metadata"]]
    assert len(made) == len(going) == len(set(going))  # one of each, and none is left
    assert json.loads((suite.path / "report" / "results.jsonl").read_text().splitlines()[0])["run"] == found.run["run"]


def test_a_nonconformance_keeps_its_text_and_its_objects(suite: pytest.Pytester) -> None:
    write(suite, address="raise AssertionError('it lies')")
    result = suite.runpytest_subprocess("-n", "2")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["✗ nonconformant clusterip.address.ipv4  MUST 2.3.1"])
    (found,) = [one for one in read(suite.path / "report").results if one.test.endswith("::test_address")]
    assert (found.verdict, found.message) == (
        Verdict.NONCONFORMANT,
        "NONCONFORMANT clusterip.address.ipv4: it lies",
    )
    assert "Service" in {item["kind"] for item in found.evidence["objects"]}


def test_a_process_that_ends_in_a_test_leaves_that_unknown(suite: pytest.Pytester) -> None:
    write(suite, address="os.kill(os.getpid(), 9)")
    assert suite.runpytest_subprocess("-n", "1").ret == 3
    found = read(suite.path / "report")
    assert [result.message for result in found.results] == [
        "UNKNOWN clusterip.address.ipv4: the process that judged it has ended"
    ]
    assert found.by_requirement() == {
        "clusterip.address.ipv4": Verdict.UNKNOWN,
        "clusterip.address.ipv6": Verdict.NOT_RUN,
    }


def test_a_cluster_that_cannot_be_had_is_said_once(suite: pytest.Pytester) -> None:
    write(suite)
    result = suite.runpytest_subprocess("-n", "2", "--kubeconfig=nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (result.stdout.str() + result.stderr.str()).count("there is no kubeconfig") == 1


def test_the_tests_of_a_file_must_stay_together(suite: pytest.Pytester) -> None:
    write(suite)
    result = suite.runpytest_subprocess("-n", "2", "--dist=load")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "add --dist loadfile to -n" in result.stdout.str() + result.stderr.str()


def test_inert_where_nothing_is_judged(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(): pass")
    result = suite.runpytest_subprocess("-n", "2", "--dist=load")
    assert result.ret == 0
    assert not (suite.path / "report").exists()
