"""Examples to copy: what can be seen of them without a cluster, an engine, or the service that reads them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from documents import EXAMPLES, ROOT, commands_in

FOLDER = ROOT / "examples"
IMAGE = "registry.example/kube-dns-conformance:0.1.0"
SCHEMAS = {"github-actions.yaml": "vendor.github-workflows", "gitlab-ci.yaml": "vendor.gitlab-ci"}
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def document(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def checked(schema: str, file: Path) -> int:
    """By a schema that the program carries: nothing is fetched."""
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [str(program), f"--builtin-schema={schema}", str(file)]
    return subprocess.run(command, capture_output=True, check=False, timeout=120).returncode


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items())
def test_a_pipeline_is_as_its_schema_has_it(name: str, schema: str, tmp_path: Path) -> None:
    assert checked(schema, FOLDER / name) == 0
    wrong = tmp_path / name
    wrong.write_text(re.sub(r"paths?:", "path-s:", (FOLDER / name).read_text()).replace("runs-on", "run-on"))
    assert checked(schema, wrong) == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda one: one.name)
def test_an_example_says_what_it_is_before_anything_else(path: Path) -> None:
    assert re.match(r"(#|//) [A-Zk]", path.read_text())


def test_every_pipeline_judges_and_keeps_the_report() -> None:
    judging = {
        one.name: [words for words in commands_in(one) if words[0].endswith("kube-dns-conformance")] for one in EXAMPLES
    }
    assert {name for name, found in judging.items() if found} == {
        "Jenkinsfile",
        "audit-cronjob.yaml",
        "cronjob.yaml",
        "github-actions.yaml",
        "gitlab-ci.yaml",
        "sonobuoy-plugin.yaml",
        "tekton-task.yaml",
    }
    assert judging["github-actions.yaml"] == [
        [".venv/bin/kube-dns-conformance", "run", "--cluster", "kind", "--report-dir", "report"],
        [".venv/bin/kube-dns-conformance", "run", "--cluster", "existing", "--report-dir", "report"],
    ]
    assert (
        judging["Jenkinsfile"]
        == judging["gitlab-ci.yaml"]
        == [["kube-dns-conformance", "run", "--cluster", "existing", "--report-dir", "report"]]
    )
    artifacts = document("gitlab-ci.yaml")["kube-dns-conformance"]["artifacts"]
    assert (artifacts["when"], artifacts["reports"]) == ("always", {"junit": "report/junit.xml"})
    steps = [job["steps"] for job in document("github-actions.yaml")["jobs"].values()]
    assert [(one[-1]["if"], one[-1]["with"]["path"]) for one in steps] == [("always()", "report")] * 2


def test_a_pipeline_of_jenkins_is_balanced_and_publishes_whatever_happens() -> None:
    text = (FOLDER / "Jenkinsfile").read_text()
    assert text.count("{") == text.count("}")
    assert re.search(r"post \{\s+always \{\s+junit 'report/junit.xml'\s+archiveArtifacts", text)


def test_there_is_one_image_and_its_version_is_the_projects() -> None:
    named = [
        one
        for path in EXAMPLES
        for one in re.findall(r"(?:image|value):? '?(\S+kube-dns\S+?:\d\S+?)'?[ \n]", path.read_text())
    ]
    assert (len(named), set(named)) == (7, {IMAGE})
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert IMAGE.endswith(f":{version}")


def test_a_task_of_tekton_has_what_its_step_uses() -> None:
    task = document("tekton-task.yaml")
    assert (task["apiVersion"], task["kind"], task["spec"].keys()) == (
        "tekton.dev/v1",
        "Task",
        {"params", "workspaces", "steps", "volumes"},
    )
    (step,) = task["spec"]["steps"]
    used = re.findall(r"\$\((\w+\.\w+)", " ".join([*step["command"], *step["args"]]))
    assert used == ["workspaces.report", "params.options"]
    assert ([one["name"] for one in task["spec"]["workspaces"]], [one["name"] for one in task["spec"]["params"]]) == (
        ["report"],
        ["options"],
    )
    assert step["securityContext"] == RESTRICTED


def test_a_gateway_is_scraped_with_the_labels_that_were_pushed() -> None:
    monitor = document("servicemonitor.yaml")
    assert (monitor["apiVersion"], monitor["kind"]) == ("monitoring.coreos.com/v1", "ServiceMonitor")
    assert monitor["spec"]["endpoints"] == [{"port": "http", "honorLabels": True}]
    container = document("cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    (variable,) = container["env"]
    assert variable["name"] == "KDC_PUSH_METRICS"
    assert variable["value"].endswith(":9091/metrics/job/kube-dns-conformance/instance/my-cluster")


def test_an_image_is_made_from_what_the_package_is_made_from_and_its_lock() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    included = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["include"])
    kept = {one.removeprefix("!") for one in lines if one.startswith("!")}
    assert kept == (included - {"src/kube_dns_conformance"}) | {"src", "pyproject.toml", "requirements/image.txt"}
    steps = re.findall(r"^(USER|CMD) (.+)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert steps == [("USER", "65532:65532"), ("CMD", '["kube-dns-conformance", "--help"]')]
