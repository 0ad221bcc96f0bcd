"""The image of examples/ is built, and the CronJob of examples/ judges the cluster that it is in, as nobody special."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from cluster.commandline import ROOT
from documents import commands_in
from kind.conftest import TAG
from kind.test_provider import namespaces
from kube_dns_conformance.clusters import engine
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.toolchain import Toolchain
from tools.command import run

pytestmark = pytest.mark.release
EXAMPLES = ROOT / "examples"
SPACE = "--namespace=kube-dns-conformance"


@pytest.fixture(scope="module")
def applied(cluster: Cluster, image: str) -> Iterator[list[str]]:
    """The administrator's, once the examples have been applied as they say."""
    made = [str(Toolchain().need("kubectl")["kubectl"]), f"--kubeconfig={cluster.kubeconfig}"]
    commands = [next(commands_in(EXAMPLES / one)) for one in ("cronjob.yaml", "audit-cronjob.yaml")]
    for _, apply, *files in commands:
        subprocess.run([*made, apply, *files], cwd=ROOT, check=True, timeout=60)
    yield made
    for _, _, *files in commands:
        subprocess.run([*made, "delete", "--ignore-not-found", *files], cwd=ROOT, check=True, timeout=240)


def test_the_image_says_its_version_to_whoever_may_write_nothing(image: str) -> None:
    said = run(
        [engine.program(), "run", "--rm", "--read-only", "--user=1234", image, TAG.partition(":")[0], "--version"]
    )
    assert said.strip() == TAG.partition(":")[2]


def said_by_a_job_of(cron_job: str, applied: list[str]) -> str:
    """What a Job of it said, which has completed, as it does when DNS conforms."""
    job = f"job/now-{cron_job}"
    run([*applied, "create", "job", job.removeprefix("job/"), f"--from=cronjob/{cron_job}", SPACE])
    done = subprocess.run(
        [*applied, "wait", "--for=condition=complete", job, SPACE, "--timeout=420s"], check=False, timeout=450
    )
    said = run([*applied, "logs", job, SPACE])
    assert done.returncode == 0, said
    return said


def test_a_job_of_the_cron_job_judges_its_cluster_and_leaves_nothing(applied: list[str], cluster: Cluster) -> None:
    said = said_by_a_job_of("kube-dns-conformance", applied)
    assert "\nsuccess: " in said
    # There is no Pushgateway here: that is told, and changes no verdict.
    assert "the metrics could not be pushed to http://pushgateway.monitoring:9091/metrics/job/" in said
    assert namespaces(cluster) == []


def test_a_job_of_the_other_cron_job_audits_in_shards_and_leaves_nothing(applied: list[str], cluster: Cluster) -> None:
    assert "\nconformant: " in said_by_a_job_of("audit", applied)
    assert namespaces(cluster) == []


def test_a_job_that_is_told_to_end_deletes_what_it_made(applied: list[str], cluster: Cluster) -> None:
    run([*applied, "create", "job", "ended", "--from=cronjob/kube-dns-conformance", SPACE])
    run([*applied, "wait", "--for=jsonpath={.status.ready}=1", "job/ended", SPACE, "--timeout=60s"])
    while not namespaces(cluster):
        assert run([*applied, "get", "job/ended", SPACE, "--output=jsonpath={.status.active}"]) == "1"
    run([*applied, "delete", "job/ended", SPACE, "--cascade=foreground", "--timeout=180s"])
    assert namespaces(cluster) == []
