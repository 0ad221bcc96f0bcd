"""Examples to copy, at a real API server: it takes their objects as restricted, and Sonobuoy's script is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from junitparser import JUnitXml
from kubernetes.client import CoreV1Api

from cluster.commandline import ROOT, CommandLine, read_until
from documents import commands_in
from kube_dns_conformance.clusters import existing
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import RUN_LABEL, Kube
from kube_dns_conformance.results import read
from kube_dns_conformance.toolchain import Toolchain

EXAMPLES = ROOT / "examples"
ACCOUNT = {"name": "kube-dns-conformance", "namespace": "kube-dns-conformance"}


def document(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text())


@pytest.fixture(scope="module")
def applied(cluster: Cluster) -> Iterator[Kube]:
    """The account and the CronJob, made by the command that the example names, with unknown fields as errors."""
    _, *words = next(commands_in(EXAMPLES / "cronjob.yaml"))
    program = str(Toolchain().need("kubectl")["kubectl"])
    kubectl = [program, f"--kubeconfig={cluster.kubeconfig}"]
    subprocess.run([*kubectl, *words, "--validate=strict"], cwd=ROOT, check=True, timeout=60)
    yield Kube(cluster.kubeconfig)
    subprocess.run([*kubectl, "delete", *words[1:], "--wait=false"], cwd=ROOT, check=True, timeout=60)


def pod_of_the_cron_job() -> Any:
    return document("cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def pod_of_the_task() -> Any:
    """As Tekton makes one: a step is a container."""
    (step,) = document("tekton-task.yaml")["spec"]["steps"]
    return {"containers": [step], "volumes": document("tekton-task.yaml")["spec"]["volumes"]}


def pod_of_the_plugin() -> Any:
    """As Sonobuoy makes one, without its own container."""
    plugin = document("sonobuoy-plugin.yaml")
    return {"containers": [plugin["spec"]], "volumes": [{"name": "results", "emptyDir": {}}, *plugin["extra-volumes"]]}


def pod_of_the_audit() -> Any:
    job, _ = yaml.safe_load_all((EXAMPLES / "audit-cronjob.yaml").read_text())
    return job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


PODS = {
    "cronjob": pod_of_the_cron_job,
    "audit": pod_of_the_audit,
    "tekton": pod_of_the_task,
    "sonobuoy": pod_of_the_plugin,
}


@pytest.mark.parametrize("name", PODS)
def test_its_pods_are_let_into_a_restricted_namespace(name: str, applied: Kube) -> None:
    spec = PODS[name]()
    where = {"name": "one", "namespace": ACCOUNT["namespace"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": where, "spec": spec}
    made = applied.create_dry_run(pod)["spec"]["containers"][0]
    assert made.keys() >= spec["containers"][0].keys()
    del spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"]
    with pytest.raises(ClusterError, match='violates PodSecurity "restricted:latest": allowPrivilegeEscalation'):
        applied.create_dry_run(pod)


@pytest.fixture
def pod(applied: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has what a Pod of the account has: a token, the authority of the API server, and its address."""
    asked: Any = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    api: Any = CoreV1Api(applied.api)
    said = api.create_namespaced_service_account_token(**ACCOUNT, body=asked)
    (tmp_path / "token").write_text(said.status.token)
    shutil.copy(applied.api.configuration.ssl_ca_cert, tmp_path / "ca.crt")
    at = urlsplit(applied.host)
    monkeypatch.setattr(existing, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KDC_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(at.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(at.port))
    monkeypatch.delenv("KUBECONFIG", raising=False)


@pytest.mark.usefixtures("pod")
def test_a_pod_of_the_account_judges_its_own_cluster_and_may_do_no_more(cluster: Cluster) -> None:
    found = existing.connect("", "", "", [str(one) for one in cluster.dns])
    assert (found.name, found.zone) == ("service-account.kubeconfig", cluster.zone)
    kube = Kube(found.kubeconfig)
    assert kube.list("v1", "Service")[0]
    with pytest.raises(ClusterError, match=r'cannot list resource "secrets"'):
        kube.list("v1", "Secret")


@pytest.mark.parametrize(("server", "wrong"), [(0, []), (None, ["clusterip.address.ipv4"])])
def test_sonobuoy_is_told_where_the_report_is_whatever_the_verdict(
    server: int | None, wrong: list[str], cluster: Cluster, command: CommandLine
) -> None:
    results = command.directory / "results"
    results.mkdir()
    asked = "127.0.0.1:1" if server is None else str(cluster.dns[server])  # nobody answers there
    environment = command.environment | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SONOBUOY_RESULTS_DIR": str(results),
        "KUBECONFIG": str(cluster.kubeconfig),
        "KDC_DNS_SERVER": asked,
        "KDC_ZONE": cluster.zone,
        "KDC_REQUIREMENT": "clusterip.address.ipv4",
        "KDC_TIMING": "answer=0.2 propagation=0.2",
    }
    subprocess.run(document("sonobuoy-plugin.yaml")["spec"]["command"], env=environment, check=True, timeout=120)
    packed = Path((results / "done").read_text().strip())
    assert packed == results / "report.tar.gz"
    shutil.unpack_archive(packed, command.directory, filter="data")
    report = command.directory / "report"
    (file,) = [report / one for one in document("sonobuoy-plugin.yaml")["sonobuoy-config"]["result-files"]]
    cases = [case for suite in JUnitXml.fromfile(str(file)) for case in suite]
    assert [one.classname for one in cases] == ["clusterip.address.ipv4"]
    assert [one.classname for one in cases if one.result] == wrong
    assert (results / "done").stat().st_mtime_ns >= packed.stat().st_mtime_ns


def test_sonobuoy_ends_the_run_that_it_ends(cluster: Cluster, command: CommandLine) -> None:
    environment = command.environment | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SONOBUOY_RESULTS_DIR": str(command.directory),
        "KUBECONFIG": str(cluster.kubeconfig),
        "KDC_DNS_SERVER": str(cluster.dns[0]),
    }
    with subprocess.Popen(
        document("sonobuoy-plugin.yaml")["spec"]["command"], env=environment, stdout=subprocess.PIPE, text=True
    ) as script:
        read_until(script, "clusterip.srv.named-port")
        script.terminate()
        rest, _ = script.communicate(timeout=120)
    assert not read(command.directory / "report").complete, rest
    spaces = Kube(cluster.kubeconfig).list("v1", "Namespace", label_selector=RUN_LABEL)[0]
    assert [one for one in spaces if "deletionTimestamp" not in one["metadata"]] == []
    assert (command.directory / "done").exists()
