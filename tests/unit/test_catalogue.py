"""The catalogue, the suites and the manifests fit together: nothing is promised that is not judged."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube_dns_conformance.agent.clients import equip
from kube_dns_conformance.clusters.base import DESCRIPTIONS, Capability, IpFamily, family_capabilities
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.images import AGENT_IMAGE
from kube_dns_conformance.manifest import path as manifest
from kube_dns_conformance.marks import situation_of
from kube_dns_conformance.requirements import Level, Profile, Requirement, catalogue, select
from kube_dns_conformance.resources import PACKAGE, folder
from tools import requirements_page

SUITES = sorted(folder("suites").glob("*/test_*.py"))
SUBJECTS = {suite.parent.name for suite in SUITES}
MANIFESTS = sorted(one for one in folder("manifests").glob("*/*.yaml") if one.parent.name in SUBJECTS)


def stem(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def claims_of(suite: Path) -> Iterator[tuple[str, list[Any]]]:
    """Each test function of a suite file with what its ``requirement`` mark says."""
    for node in ast.walk(ast.parse(suite.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marks = [one for one in node.decorator_list if isinstance(one, ast.Call)]
            named = [one for one in marks if isinstance(one.func, ast.Name) and one.func.id == "requirement"]
            yield (
                node.name,
                [argument.value for mark in named for argument in mark.args if isinstance(argument, ast.Constant)],
            )


def pod_specs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in MANIFESTS:
        items = list(yaml.safe_load_all(path.read_text()))
        if items[0]["kind"] == "Namespace":
            continue  # a situation that needs more says so
        for item in equip(items, AGENT_IMAGE, "a token"):
            if item["kind"] == "Pod":
                yield stem(path), item["spec"]
            elif "template" in item.get("spec", {}):
                yield f"{stem(path)}-{item['metadata']['name']}", item["spec"]["template"]["spec"]


def test_there_is_something_to_check() -> None:
    assert len(SUITES) >= 8
    assert len(catalogue()) >= 90
    assert len(list(pod_specs())) >= 30


def test_ids_are_unique() -> None:
    entries = tomllib.loads((PACKAGE / "catalogue.toml").read_text())["requirement"]
    assert [entry["id"] for entry in entries] == list(catalogue())


@pytest.mark.parametrize("one", list(catalogue().values()), ids=lambda one: one.id)
def test_a_requirement_is_one_checkable_sentence_with_its_source(one: Requirement) -> None:
    label = "[a-z0-9]+(-[a-z0-9]+)*"
    assert re.fullmatch(rf"{label}\.{label}\.{label}", one.id)
    assert re.fullmatch(r"[A-Z].*[A-Za-z]\.", one.sentence)
    assert re.fullmatch(r"(\d(\.\d)*|RFC \d+ \d(\.\d)*)(, RFC \d+ \d(\.\d)*)*|docs: [A-Z].+", one.section)
    assert bool(one.feature) is (one.profile is Profile.EXTENDED)


@pytest.mark.parametrize("one", list(catalogue()))
def test_every_requirement_is_judged_by_a_test_in_the_suite_file_of_its_name(one: str) -> None:
    subject, situation, _ = one.split(".")
    suite = folder("suites") / subject / f"test_{situation.replace('-', '_')}.py"
    assert situation_of(suite) == f"{subject}/{situation}"
    assert [one] in [named for _, named in claims_of(suite)]
    # The situation of an upgrade is what was watched: nothing is made for it.
    assert manifest(situation_of(suite)).is_file() is (catalogue()[one].profile is not Profile.UPGRADE)


def test_the_page_of_the_catalogue_is_current() -> None:
    assert (Path(__file__).parents[2] / "docs" / "requirements.md").read_text() == requirements_page.page()


def test_every_capability_says_what_it_is() -> None:
    assert set(DESCRIPTIONS) == set(Capability)


EMBEDDED = family_capabilities(IpFamily.DUAL) | {
    Capability.DNS_REPLICAS,
    Capability.POD_RECORDS,
    Capability.ALLOW_DISRUPTIVE,
}


def test_what_an_embedded_cluster_cannot_show_is_said_and_is_not_much_of_what_must_be() -> None:
    must = [one for one in catalogue().values() if one.level is Level.MUST and one.profile in {"core", "extended"}]
    absent = {need for one in must for need in one.missing(EMBEDDED)}
    assert absent == {Capability.REAL_PODS, Capability.NODE_LOCAL_CACHE, Capability.CLUSTER_SET}
    assert not any(one.missing(EMBEDDED) for one in must if one.profile is Profile.CORE)


@pytest.mark.parametrize("suite", SUITES, ids=stem)
def test_every_test_names_one_requirement_that_belongs_to_its_file(suite: Path) -> None:
    for test, named in claims_of(suite):
        assert len(named) == 1, f"{test} names {named}"
        assert named[0] in catalogue()
        assert named[0].split(".")[:2] == situation_of(suite).split("/")


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_every_manifest_belongs_to_a_suite_file(path: Path) -> None:
    assert stem(path) in {situation_of(suite) for suite in SUITES}


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_manifests_leave_namespace_and_run_to_the_suite(path: Path) -> None:
    for item in yaml.safe_load_all(path.read_text()):
        assert "namespace" not in item["metadata"]
        assert item["kind"] in {
            "Service",
            "Deployment",
            "StatefulSet",
            "Pod",
            "EndpointSlice",
            "ServiceImport",
            "Namespace",
        }  # what is watched until it is settled


@pytest.mark.parametrize(("name", "spec"), list(pod_specs()))
def test_pods_satisfy_pod_security_restricted(name: str, spec: dict[str, Any]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"].get("runAsUser") != 0
    assert spec["securityContext"]["seccompProfile"]["type"] in {"RuntimeDefault", "Localhost"}
    volumes = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    assert all(volume.keys() - {"name"} <= volumes for volume in spec.get("volumes", []))
    for container in spec["containers"] + spec.get("initContainers", []) + spec.get("ephemeralContainers", []):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert set(context["capabilities"].get("add", [])) <= {"NET_BIND_SERVICE"}
        assert not {"privileged", "procMount"} & context.keys()
        assert context.get("runAsNonRoot", True) is True
        assert context.get("runAsUser") != 0
        assert not any(port.get("hostPort") for port in container.get("ports", []))


@pytest.mark.parametrize(
    ("path", "situation"),
    [
        ("suites/survival/test_pod_restart.py", "survival/pod-restart"),
        ("/elsewhere/suites/headless/test_srv.py", "headless/srv"),
        ("suites/survival/test_all_pods_replaced.py", "survival/all-pods-replaced"),
    ],
)
def test_a_suite_file_has_the_situation_of_its_name(path: str, situation: str) -> None:
    assert situation_of(Path(path)) == situation


@pytest.mark.parametrize(
    ("globs", "profiles", "chosen"),
    [
        (["headless.address.ipv4"], [], {"headless.address.ipv4"}),
        (["*.ptr.*"], ["core"], {
            "clusterip.ptr.ipv4", "clusterip.ptr.ipv6",
            "headless.ptr.ipv4", "headless.ptr.ipv6", "headless.ptr.nameless",
        }),
        (["clusterip.address.*", "headless.address.*"], ["core"], {
            "clusterip.address.ipv4", "clusterip.address.ipv6", "headless.address.ipv4", "headless.address.ipv6",
            "headless.address.no-ready-endpoint",
        }),
        ([], ["core", "extended", "survival", "upgrade"], set(catalogue())),
        ([], [], set(catalogue())),
    ],
)  # fmt: skip
def test_requirements_are_selected_by_glob_and_profile(globs: list[str], profiles: list[str], chosen: set[str]) -> None:
    assert select(globs, profiles) == chosen


@pytest.mark.parametrize(
    ("globs", "profiles", "message", "hint"),
    [
        (["*", "nope.*"], [], "no requirement matches 'nope.*'", "kube-dns-conformance requirements lists them"),
        ([""], [], "no requirement matches ''", "kube-dns-conformance requirements lists them"),
        ([], ["Core"], "'Core' is not a profile", "choose from core, extended, survival, upgrade"),
        (
            ["clusterip.*"],
            ["survival"],
            "no requirement is left",
            "the requirements named are not part of the profiles named",
        ),
    ],
)
def test_a_selection_that_matches_nothing_is_an_error(
    globs: list[str], profiles: list[str], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        select(globs, profiles)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_requirement_knows_what_a_cluster_lacks_for_it() -> None:
    one = catalogue()["headless.address.ipv6"]
    assert one.missing({Capability.IPV4, Capability.DNS_REPLICAS}) == [Capability.IPV6]
    assert one.missing({Capability.IPV4, Capability.IPV6}) == []
    assert catalogue()["negative.names.unknown-service"].missing(set()) == []


def test_a_requirement_is_written_for_machines_with_all_its_fields() -> None:
    data = catalogue()["headless.address.complete-over-tcp"].as_data()
    assert data["id"] == "headless.address.complete-over-tcp"
    assert (data["level"], data["profile"], data["feature"]) == (Level.MUST, "extended", "Transport")
    assert (data["section"], data["needs"]) == ("RFC 1035 4.2.1, RFC 7766 5", ())
