"""``--repeat``: what changes is done again, from the change on, and each time has its verdict."""

from __future__ import annotations

import pytest

from cluster.commandline import CommandLine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.results import Verdict, read

pytest_plugins = ["pytester"]


def test_each_repetition_is_a_change_of_its_own(command: CommandLine, cluster: Cluster) -> None:
    servers = [f"--dns-server={one}" for one in cluster.dns]
    wanted = ["--requirement=survival.service-recreated.*", "--requirement=clusterip.address.ipv4"]
    done, found = command.judge(cluster, *servers, *wanted, "--repeat=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {one.verdict for one in found.results} == {Verdict.CONFORMANT}
    tests = [one.test.rpartition("[")[2] for one in found.results if one.requirement.startswith("survival.")]
    assert tests == ["1]", "2]"]
    assert len([one for one in found.results if one.requirement == "clusterip.address.ipv4"]) == 1
    recreated = [one for one in found.results if one.requirement == "survival.service-recreated.new-clusterip"]
    began = [change["began"] for one in recreated for change in one.evidence["changes"]]
    assert began[0] < began[1]


@pytest.mark.release
def test_an_api_server_that_goes_again_and_again_is_followed_each_time(command: CommandLine) -> None:
    wanted = ["--cluster=embedded", "--requirement=survival.api-away.*", "--repeat=4", "--report-dir=report"]
    done = command("run", *wanted, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one.verdict for one in read(command.directory / "report").results] == [Verdict.CONFORMANT] * 8


@pytest.mark.parametrize("number", ["0", "-1", "two", "1001"])
def test_how_often_is_a_number(pytester: pytest.Pytester, number: str) -> None:
    pytester.makepyfile("def test_it(): pass")
    done = pytester.runpytest_subprocess(f"--repeat={number}")
    done.stderr.fnmatch_lines([f"ERROR: --repeat {number}: a number from 1 to 1000"])
    assert done.ret == pytest.ExitCode.USAGE_ERROR
