"""The plugin under plain pytest: what it says, how it exits, that it stays out of the way."""

from __future__ import annotations

import json
import re

import pytest

from conformance_schema import read_report
from kube_dns_conformance.clusters.base import Cluster

pytest_plugins = ["pytester"]

SUITE = """
    from kube_dns_conformance.dns.compare import exactly
    from kube_dns_conformance.dns.model import Question
    from kube_dns_conformance.fixtures import requirement
    from kube_dns_conformance.oracle import cluster_ips

    @requirement("clusterip.address.ipv4")
    def test_address(situation, judge):
        {body}
"""
TRUE = """judge.insist(
            lambda: {Question(situation.name_of("web"), "A"): exactly(cluster_ips(situation.service("web"), "A"))},
            settled_at=situation.settled_at,
        )"""


@pytest.fixture
def suite(pytester: pytest.Pytester, cluster: Cluster) -> pytest.Pytester:
    """A project of its own that uses our fixtures on the running cluster."""
    servers = [f"--dns-server={server}" for server in cluster.dns]
    options = [
        "--cluster=existing",
        f"--kubeconfig={cluster.kubeconfig}",
        *servers,
        "--timing=propagation=0.1",
        "--timing=cache=0.1",
    ]
    pytester.makeini(f"[pytest]\naddopts = {' '.join(options)} --import-mode=importlib\n")
    return pytester


def judge(suite: pytest.Pytester, body: str, *options: str) -> pytest.RunResult:
    # The suite file names its situation: manifests/clusterip/address.yaml.
    folder = suite.mkdir("clusterip")
    (folder / "test_address.py").write_text(SUITE.replace("\n    ", "\n").format(body=body))
    return suite.runpytest_subprocess(*options)


def test_conformant(suite: pytest.Pytester) -> None:
    result = judge(suite, TRUE, "--report-dir=report")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*= requirements =*", "✓ conformant    clusterip.address.ipv4  MUST 2.3.1"])
    result.stdout.fnmatch_lines(["success: 1 conformant", "*= 1 passed in *"])
    assert sorted(path.name for path in (suite.path / "report").iterdir()) == [
        "allure-results",
        "conformance.yaml",
        "index.html",
        "junit.xml",
        "metrics.prom",
        "results.jsonl",
        "summary.md",
    ]
    report = read_report(suite.path / "report" / "conformance.yaml")
    assert report["implementation"] == [{"name": "unknown", "version": "unknown"}]  # nobody said what these servers are
    assert re.fullmatch(r"python -m pytest( --basetemp=\S+)?", report["run"]["command"])


def test_nonconformant_is_the_text_without_a_traceback(suite: pytest.Pytester) -> None:
    result = judge(suite, TRUE.replace('cluster_ips(situation.service("web"), "A")', '["192.0.2.1"]'))
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "NONCONFORMANT clusterip.address.ipv4 (2.3.1, MUST): web.* answers 0 of 1 expected A records and *",
            "  expected  192.0.2.1",
            "✗ nonconformant clusterip.address.ipv4  MUST 2.3.1",
            "failure: 1 nonconformant",
        ]
    )
    result.stdout.no_fnmatch_line("*test_address.py:*: Nonconformant*")


def test_the_step_of_a_workflow_gets_the_summary(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(suite.path / "step.md"))
    assert judge(suite, f"judge.inform('it *differs*'); {TRUE}").ret == 0
    said = (suite.path / "step.md").read_text()
    assert said.startswith("# ✅ Kubernetes DNS conformance: success\n")
    assert "- it \\*differs\\* (`clusterip.address.ipv4`)\n" in said


def test_a_workflow_is_told_what_is_wrong_in_one_line_each(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    body = f"raise AssertionError('it lies, {'and lies ' * 40}')"
    done = judge(suite, body)
    assert done.ret == 1
    (line,) = [one for one in done.errlines if one.startswith("::error ")]
    assert line.startswith(
        "::error title=clusterip.address.ipv4::NONCONFORMANT clusterip.address.ipv4: it lies, and lies"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise RuntimeError('no idea')", "UNKNOWN clusterip.address.ipv4: RuntimeError: no idea"),
        ("situation.service('nobody')", "UNKNOWN clusterip.address.ipv4: situation clusterip/address has no Service*"),
    ],
)
def test_what_could_not_be_judged_is_unknown(suite: pytest.Pytester, body: str, message: str) -> None:
    result = judge(suite, body, "--report-dir=report")
    assert result.ret == 3
    result.stdout.fnmatch_lines(["[?] unknown       clusterip.address.ipv4  MUST 2.3.1", "partial: 1 unknown"])
    lines = [json.loads(line) for line in (suite.path / "report" / "results.jsonl").read_text().splitlines()]
    (found,) = [line["message"] for line in lines if line["kind"] == "result"]
    assert found.startswith(message.rstrip("*"))


def test_a_skipped_test_is_neither_conformant_nor_a_failure(suite: pytest.Pytester) -> None:
    result = judge(suite, "import pytest; pytest.skip('not today')")
    assert result.ret == 3  # nothing was judged: that must not look like conformance
    result.stdout.fnmatch_lines(["– skipped       clusterip.address.ipv4  MUST 2.3.1", "partial: 1 skipped"])


def test_allure_pytest_gets_the_labels_too(suite: pytest.Pytester) -> None:
    assert judge(suite, TRUE, "--alluredir=allure").ret == 0
    (result,) = (suite.path / "allure").glob("*-result.json")
    labels = {(one["name"], one["value"]) for one in json.loads(result.read_text())["labels"]}
    assert {("requirement", "clusterip.address.ipv4"), ("level", "MUST"), ("severity", "critical")} <= labels


def test_a_requirement_that_is_not_in_the_catalogue(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.requirement('nope')\ndef test_it(): pass")
    result = pytester.runpytest_subprocess("--strict-markers")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "::test_it: not a requirement of the catalogue: nope" in result.stderr.str() + result.stdout.str()


def test_inert_where_nothing_is_judged(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_subprocess()
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*requirements*")
    result.stdout.fnmatch_lines(["*= 1 passed in *"])


def test_an_option_overrides_its_environment_twin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile("def test_it(): pass")
    monkeypatch.setenv("KDC_REQUIREMENT", "nope")
    assert pytester.runpytest_subprocess().ret == pytest.ExitCode.USAGE_ERROR
    assert pytester.runpytest_subprocess("--requirement=clusterip.*").ret == 0
