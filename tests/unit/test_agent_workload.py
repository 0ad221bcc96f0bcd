"""The agent's objects, and noticing early that there will be no agent."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from kube_dns_conformance import manifest
from kube_dns_conformance.agent.clients import equip
from kube_dns_conformance.agent.workload import FILES, deploy, objects, on_every_node, template
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.images import image
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.mirror import Mirror
from kube_dns_conformance.resources import PACKAGE
from kube_dns_conformance.timings import Timings


class Api:
    """Remembers what was applied."""

    api = None

    def __init__(self, nodes: Mapping[str, bool]) -> None:
        self.applied: list[Object] = []
        self.nodes = nodes

    def apply(self, item: Object) -> None:
        self.applied.append(item)

    def list(self, api_version: str, kind: str) -> tuple[list[Object], str]:
        conditions = {name: [{"type": "Ready", "status": str(ready)}] for name, ready in self.nodes.items()}
        return [{"metadata": {"name": name}, "status": {"conditions": one}} for name, one in conditions.items()], "1"


class Still:
    """A mirror in which nothing changes any more."""

    def __init__(self, *pods: Object) -> None:
        self.pods = pods

    def objects(self, kind: str, namespace: str) -> list[Object]:
        return list(self.pods) if kind == "Pod" else []

    def wait(self, probe: Callable[[], Any], within: float, what: str) -> Any:
        found = probe()
        if found is None:
            raise ClusterError(f"{what}: not so within {within:g} s")
        return found


def pod(name: str, *, ready: bool = False, waiting: str = "", message: str = "", unplaced: str = "") -> Object:
    status: Object = {"podIPs": [{"ip": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": str(ready)}]}
    if unplaced:
        status["conditions"].append({"type": "PodScheduled", "status": "False", "message": unplaced})
    if waiting:
        state = {"waiting": {"reason": waiting, "message": message}}
        status["containerStatuses"] = [{"image": "python:3.13-slim", "state": state}]
    return {"metadata": {"name": name}, "spec": {"nodeName": f"node-of-{name}"}, "status": status}


def deployed(*pods: Object, **options: Any) -> list[str]:
    agents = deploy(
        cast(Kube, Api(options.pop("nodes", {}))),
        cast(Mirror, Still(*pods)),
        "r1",
        "python:3.13-slim",
        "a token",
        Timings(),
        **options,
    )
    return [agent.node for agent in agents.ready()]


def test_two_ready_agents_are_both_there_to_be_asked() -> None:
    assert deployed(pod("a", ready=True), pod("b", ready=True)) == ["node-of-a", "node-of-b"]


def test_one_agent_is_enough_when_the_other_cannot_start() -> None:
    assert deployed(pod("a", ready=True), pod("b", waiting="ImagePullBackOff")) == ["node-of-a"]


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_pulled_is_named_with_the_options_that_help(reason: str) -> None:
    broken = [pod(name, waiting=reason, message="no such host") for name in "ab"]
    with pytest.raises(ClusterError) as caught:
        deployed(*broken)
    assert caught.value.message == "the image python:3.13-slim of the agent cannot be pulled: no such host"
    assert caught.value.hint == "--agent-image names another one, --image-registry a mirror"


def test_an_image_without_python_is_told() -> None:
    broken = [pod(name, waiting="RunContainerError", message="exec: python3: not found") for name in "ab"]
    with pytest.raises(ClusterError, match=r"does not start with image python:3\.13-slim: exec: python3: not found"):
        deployed(*broken)


@pytest.mark.parametrize("pods", [[], [pod("a", ready=True)], [pod("a", ready=True), pod("b")]])
def test_agents_that_are_still_to_come_are_waited_for(pods: list[Object]) -> None:
    with pytest.raises(ClusterError, match="no agent Pod became ready: not so within 180 s"):
        deployed(*pods)


def test_the_scheduler_is_quoted_when_no_node_takes_the_pods() -> None:
    with pytest.raises(ClusterError, match="not so within 180 s: 0/3 nodes are available"):
        deployed(pod("a", unplaced="0/3 nodes are available"), pod("b", unplaced="0/3 nodes are available"))


THREE = {"node-of-a": True, "node-of-b": True, "node-of-c": True}


def test_where_a_suite_needs_it_there_is_one_on_every_node(capsys: pytest.CaptureFixture[str]) -> None:
    pods = [pod("a", ready=True), pod("b", ready=True), pod("c", ready=True)]
    assert deployed(*pods, every_node=True, nodes=THREE) == [*THREE]
    assert capsys.readouterr().err == ""


def test_a_node_without_an_agent_is_named_and_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    two = [pod("a", ready=True), pod("b", ready=True)]
    for third in ([], [pod("c")], [pod("c", waiting="ImagePullBackOff")]):
        assert deployed(*two, *third, every_node=True, nodes=THREE) == ["node-of-a", "node-of-b"]
        assert capsys.readouterr().err == "no agent is ready on node node-of-c\n"


def test_a_node_that_is_not_ready_is_not_waited_for() -> None:
    class Waits(Still):
        def wait(self, probe: Callable[[], Any], within: float, what: str) -> Any:
            assert probe() is True
            return True

    pods = Waits(pod("a", ready=True), pod("b", ready=True), pod("c"))
    api, there = cast(Kube, Api(THREE | {"node-of-c": False})), cast(Mirror, pods)
    assert len(deploy(api, there, "r1", "python:3.13-slim", "a token", Timings(), every_node=True).ready()) == 2


def test_without_any_agent_on_any_node_nothing_can_be_judged() -> None:
    with pytest.raises(ClusterError, match="no agent Pod became ready"):
        deployed(pod("a"), every_node=True, nodes=THREE)


def test_the_pod_of_a_situation_outlives_the_loss_of_its_node_for_as_long_as_any_other() -> None:
    items = list(equip(list(manifest.load("resolver/search", "run-1")), "python:3.13-slim", "a token"))
    pods = [item for item in items if item["kind"] == "Pod"]
    assert pods
    assert all("tolerations" not in pod["spec"] for pod in pods)  # nobody would make it again
    assert "tolerations" in template()  # an agent of the run is made elsewhere, soon


def test_all_of_it_is_labelled_with_the_run_and_lives_in_one_namespace() -> None:
    space, *others = objects("kdc-r1-agent", "r1", "python:3.13-slim", "secret")
    assert (space["kind"], space["metadata"]["name"]) == ("Namespace", "kdc-r1-agent")
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert [one["kind"] for one in others] == ["ConfigMap", "Secret", "Deployment"]
    assert {one["metadata"]["namespace"] for one in others} == {"kdc-r1-agent"}
    assert {one["metadata"]["labels"]["kube-dns-conformance/run"] for one in [space, *others]} == {"r1"}
    assert others[2]["spec"]["template"]["metadata"]["labels"] == {
        "app": "kdc-agent",
        "kube-dns-conformance/run": "r1",
    }


def test_the_token_is_in_the_secret_alone() -> None:
    made = objects("kdc-r1-agent", "r1", "python:3.13-slim", "the-token")
    assert [one["kind"] for one in made if "the-token" in str(one)] == ["Secret"]


def test_the_pod_may_do_nothing_that_the_restricted_level_forbids() -> None:
    deployment = objects("kdc-r1-agent", "r1", "registry.example/python:3", "secret")[-1]
    spec = deployment["spec"]["template"]["spec"]
    container = spec["containers"][0]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["image"] == "registry.example/python:3"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"] == {"memory": "256Mi"}


def test_the_code_arrives_as_the_package_that_it_is_and_fits_a_configmap() -> None:
    _, code, _, deployment = objects("kdc-r1-agent", "r1", "python:3.13-slim", "secret")
    (volume,) = deployment["spec"]["template"]["spec"]["volumes"]
    paths = {one["key"]: one["path"] for one in volume["configMap"]["items"]}
    assert paths["server.py"] == "kube_dns_conformance/agent/server.py"
    assert paths.keys() == code["data"].keys()
    assert sum(map(len, code["data"].values())) < 100_000


def test_one_on_every_node_means_every_node() -> None:
    daemons = on_every_node(objects("kdc-r1-agent", "r1", "python:3.13-slim", "secret")[-1])
    assert daemons["kind"] == "DaemonSet"
    assert daemons["spec"]["template"]["spec"]["tolerations"] == [{"operator": "Exists"}]
    assert "replicas" not in daemons["spec"]


@pytest.mark.parametrize("file", FILES)
def test_what_runs_in_the_pod_needs_the_standard_library_alone(file: str) -> None:
    nodes = list(ast.walk(ast.parse((PACKAGE / file).read_text(), feature_version=(3, 9))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    froms = [
        (node.module or "", alias.name) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    shipped = {"kube_dns_conformance/" + one.removesuffix(".py") for one in FILES}
    for name in names + [module for module, _ in froms]:
        assert name.split(".")[0] in sys.stdlib_module_names | {"kube_dns_conformance"}
    for module, name in froms:
        if module.startswith("kube_dns_conformance"):
            path = module.replace(".", "/")
            assert path in shipped or f"{path}/{name}" in shipped


@pytest.mark.parametrize(
    ("name", "registry", "pulled"),
    [
        ("python:3.13-slim", "", "python:3.13-slim"),
        ("python:3.13-slim", "mirror.example:5000/hub/", "mirror.example:5000/hub/python:3.13-slim"),
        ("team/python:3", "mirror.example", "mirror.example/team/python:3"),
        ("quay.io/team/python@sha256:0", "mirror.example", "mirror.example/team/python@sha256:0"),
        ("localhost/python:3", "mirror.example", "mirror.example/python:3"),
        ("localhost:5000/python:3", "mirror.example", "mirror.example/python:3"),
    ],
)
def test_a_mirror_takes_the_place_of_the_registry_in_front(name: str, registry: str, pulled: str) -> None:
    assert image(name, registry) == pulled
