"""Bad input ends with one clear line, the right exit status, no traceback, and nothing left running."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest
import yaml

from cluster.commandline import CommandLine, read_until
from kube_dns_conformance.clusters import processes
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.results import Verdict

EXISTING = ["run", "--cluster=existing", "--dns-server=127.0.0.1:53"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "--requirement=nope.*"], "ERROR: no requirement matches 'nope.*'"),
        (["run", "--profile=nope"], "ERROR: 'nope' is not a profile"),
        (["run", "--requirement=clusterip.*", "--profile=survival"], "ERROR: no requirement is left"),
        (["run", "--timing=nope=1"], "ERROR: there is no timing 'nope'"),
        (["run", "--timing=answer=-1"], "ERROR: --timing answer=-1: the value must be a positive number"),
        (["run", "--cluster=nope"], "ERROR: --cluster nope: there is kind, embedded, existing"),
        (["run", "--kubeconfig=x"], "ERROR: --kubeconfig and --context go with --cluster existing"),
        ([*EXISTING, "--name=dev"], "ERROR: --name is that of a cluster of ours, and does not go with"),
        (["run", "--dns-server=127.0.0.1:5300"], "ERROR: --dns-server asks servers of a cluster that is there, but no"),
        (
            ["run", "--name=typo", "--dns-server=127.0.0.1:5300"],
            "ERROR: --dns-server asks servers of a cluster that is there",
        ),
        (["run", "--kubernetes=nope"], "ERROR: 'nope' is no version of kubernetes"),
        (["run", "--tool-version=nope=1.2.3"], "ERROR: no tool is called 'nope'"),
        ([*EXISTING, "--kubeconfig=missing"], "ERROR: there is no kubeconfig missing"),
        ([*EXISTING, "--kubeconfig=not.yaml"], "ERROR: kubeconfig not.yaml is not valid YAML (line 1)"),
        ([*EXISTING, "--kubeconfig=list.yaml"], "ERROR: kubeconfig list.yaml is not a kubeconfig: it holds no mapping"),
        ([*EXISTING, "--kubeconfig=empty.yaml"], "ERROR: kubeconfig empty.yaml cannot be used: Invalid kube-config"),
        (["cluster", "up", "--cluster=existing"], "ERROR: --cluster existing: there is kind, embedded"),
        (["cluster", "up", "--cluster=kind", "--nodes=2"], "ERROR: --nodes and --dns-port go with --cluster embedded"),
        (["cluster", "up", "--cluster=kind", "--tool-version=etcd=3.6.16"], "ERROR: --tool-version etcd goes with"),
        (["run", "--report-dir=not.yaml"], "ERROR: cannot write the report to not.yaml: File exists"),
        (["run", "--name=../x"], "ERROR: '../x' is not a cluster name"),
        (["run", "--zone=a..b"], "ERROR: --zone 'a..b' is not a domain"),
        (["cluster", "up", "--zone=a b"], "ERROR: --zone 'a b' is not a domain"),
        (["cluster", "up", "--name="], "ERROR: '' is not a cluster name"),
        (["cluster", "up", "--name=UPPER"], "ERROR: 'UPPER' is not a cluster name"),
        (["cluster", "up", "--kubernetes=nope"], "ERROR: 'nope' is no version of kubernetes"),
    ],
)
def test_wrong_usage(command: CommandLine, arguments: list[str], line: str) -> None:
    (command.directory / "not.yaml").write_text("{ [ ")
    (command.directory / "list.yaml").write_text("- 1\n")
    (command.directory / "empty.yaml").write_text("{}\n")
    done = command(*arguments)
    said = done.stderr + done.stdout
    assert done.returncode == 2, said
    assert any(one.startswith(line) for one in said.splitlines()), said
    assert "Traceback" not in said
    assert "not run" not in said.replace("does not run", "")  # one line says it, and 127 others would hide it
    assert not (command.directory / "kdc-report").exists()
    assert list(command.state.glob("clusters/[!.]*")) == []


def test_an_unknown_context(cluster: Cluster, command: CommandLine) -> None:
    done = command(*EXISTING, f"--kubeconfig={cluster.kubeconfig}", "--context=nope")
    assert done.returncode == 2
    assert f"ERROR: kubeconfig {cluster.kubeconfig} has no context 'nope'" in done.stderr
    assert "  hint: it has kwok-tests" in done.stderr


def test_a_cluster_out_of_reach_is_unknown(cluster: Cluster, command: CommandLine, tmp_path: Path) -> None:
    text = cluster.kubeconfig.read_text()
    host = next(line.split()[-1] for line in text.splitlines() if "server:" in line)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(text.replace(host, "https://127.0.0.1:9"))
    done = command(*EXISTING, f"--kubeconfig={elsewhere}", "--requirement=clusterip.address.*", "--report-dir=report")
    assert done.returncode == 3
    assert "cannot reach the API server at https://127.0.0.1:9: " in done.stdout
    assert "partial: 2 unknown" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_an_api_server_with_a_certificate_that_is_not_trusted_is_unknown(
    cluster: Cluster, command: CommandLine, tmp_path: Path
) -> None:
    settings = yaml.safe_load(cluster.kubeconfig.read_text())
    settings["clusters"][0]["cluster"] |= {"certificate-authority": certifi.where(), "insecure-skip-tls-verify": False}
    settings["clusters"][0]["cluster"].pop("certificate-authority-data", None)
    other = tmp_path / "other"
    other.write_text(yaml.safe_dump(settings))
    done = command(*EXISTING, f"--kubeconfig={other}", "--requirement=clusterip.*")
    assert done.returncode == 3
    assert "cannot reach the API server at https://" in done.stdout
    assert "certificate verify failed" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_credentials_that_are_refused_are_unknown(cluster: Cluster, command: CommandLine, tmp_path: Path) -> None:
    settings = yaml.safe_load(cluster.kubeconfig.read_text())
    settings["users"][0]["user"] = {"token": "nope"}
    other = tmp_path / "other"
    other.write_text(yaml.safe_dump(settings))
    done = command(*EXISTING, f"--kubeconfig={other}", "--requirement=clusterip.*")
    assert done.returncode == 3
    assert " refused: Unauthorized" in done.stdout, done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_full_disk_below_the_report_is_one_clear_line(cluster: Cluster, command: CommandLine) -> None:
    report = command.directory / "report"
    report.mkdir()
    (report / "results.jsonl").symlink_to("/dev/full")
    done = command(*EXISTING, f"--kubeconfig={cluster.kubeconfig}", "--requirement=clusterip.*", "--report-dir=report")
    assert done.returncode == 3
    assert "cannot write the report to report: No space left on device" in done.stdout.splitlines()
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_an_api_server_that_goes_away_is_unknown_and_not_the_fault_of_dns(command: CommandLine) -> None:
    made = command.json("cluster", "up", "--name", "demo")
    directory = command.cluster_directory("demo")
    wanted = ["--requirement=negative.names.*", "--requirement=survival.pod-restart.*"]
    process = command.start("run", "--name=demo", *wanted, "--report-dir=report", "--timing=api=1", "--timing=hold=60")
    read_until(process, "negative.names.unknown-hostname")
    for component in processes.of_cluster(directory):
        if Path(component.cmdline()[0]).name == "kube-apiserver":
            component.kill()
    rest, _ = process.communicate(timeout=120)

    assert made["name"] == "demo"
    assert process.returncode == 3, rest
    assert "Traceback" not in rest
    assert "nonconformant" not in rest
    assert f"{Verdict.UNKNOWN}       survival.pod-restart.name-follows" in rest
