"""conformance.yaml: what is published of a run, and the schema that its readers rely on."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from conformance_schema import SCHEMA, mistakes
from kube_dns_conformance.reports import conformance
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable
from reports_samples import HEAD, HOSTILE, MUST, SOUP, every_verdict, result, with_evidence

C, N, U = Verdict.CONFORMANT, Verdict.NONCONFORMANT, Verdict.UNKNOWN
OF_FEATURE = ["negative.names.unknown-service", "negative.names.unknown-namespace", "negative.names.unknown-hostname"]
FEATURE = catalogue()[OF_FEATURE[0]].feature
OF_FEATURE += [one.id for one in catalogue().values() if one.feature == FEATURE and one.id not in OF_FEATURE]
CORE = [one.id for one in catalogue().values() if one.profile == "core"]


def report(results: Results) -> Any:
    document = yaml.safe_load(conformance.text(results))
    assert mistakes(document) == []
    return document


def judged(names: Iterable[str], *verdicts: Verdict) -> Results:
    """Each requirement with the verdict of its turn; the last one goes for the rest."""
    row = [*verdicts, *[verdicts[-1]] * len(catalogue())]
    results = [Result(name, name, verdict, "unsupported: needs x") for name, verdict in zip(names, row, strict=False)]
    return Results(HEAD | {"selected": {one.test: one.requirement for one in results}}, results, complete=True)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_report_says_what_was_judged_where_and_how() -> None:
    found = report(Results(HEAD, [result(C)], complete=True, finished=1900000009.5))
    assert list(found)[:5] == ["apiVersion", "kind", "outcome", "complete", "implementation"]
    assert (found["apiVersion"], found["kind"]) == ("kube-dns-conformance/v1alpha1", "ConformanceReport")
    assert (found["outcome"], found["complete"]) == ("success", True)
    assert found["implementation"] == [{"name": "coredns", "version": "1.14.7"}]
    assert found["cluster"] == {
        "kubernetes": "1.37.2",
        "provider": "embedded",
        "zone": "cluster.local",
        "ipFamilies": ["ipv4"],
        "capabilities": ["ipv4"],
    }
    assert found["run"] == {
        "id": "12ab34cd",
        "version": "0.1.0",
        "catalogue": conformance.catalogue_digest(),
        "started": "2030-03-17T17:46:40Z",
        "finished": "2030-03-17T17:46:49Z",
        "command": "kube-dns-conformance run --cluster embedded",
    }
    assert found["timings"] == {"answer": 2.0, "stable": 3}


def test_every_verdict_is_counted_and_has_its_reason() -> None:
    found = report(every_verdict())
    (core,) = [one for one in found["profiles"] if one["name"] == "core"]
    assert core["result"] == "failure"
    assert {name: number for name, number in core["counts"].items() if name != "notSelected"} == {
        "nonconformant": 1,
        "unknown": 1,
        "conformant": 1,
        "unsupported": 1,
        "skipped": 1,
        "notRun": 1,
    }
    assert sum(core["counts"].values()) == len(CORE)
    assert found["nonconformant"] == [
        {
            "requirement": "clusterip.address.ipv4",
            "level": "MUST",
            "profile": "core",
            "section": "2.3.1",
            "message": "nonconformant because",
        }
    ]
    assert [(one["requirement"], one["message"]) for one in found["unknown"]] == [
        ("clusterip.address.ipv6", "unknown because")
    ]
    assert [(one["requirement"], one["message"]) for one in found["notRun"]] == [
        ("headless.address.no-ready-endpoint", "the run ended before this test")
    ]
    assert found["conformant"] == [
        {"requirement": "clusterip.srv.named-port", "level": "MUST", "profile": "core", "section": "2.3.2"}
    ]
    assert (found["outcome"], found["complete"]) == ("failure", False)


def test_what_the_cluster_lacks_is_named() -> None:
    lacking = result(Verdict.UNSUPPORTED, "unsupported: needs real-nodes, freeze-nodes")
    (found,) = report(Results(HEAD, [lacking], complete=True))["unsupported"]
    assert (found["requirement"], found["missing"]) == (MUST, ["real-nodes", "freeze-nodes"])


def test_nothing_is_guessed() -> None:
    found = report(Results({"run": "x"}, [result(U, "UNKNOWN x: no cluster")], ended_by="no cluster"))
    assert found["implementation"] == [{"name": "unknown", "version": "unknown"}]
    assert found["cluster"] == {
        "kubernetes": "unknown",
        "provider": "unknown",
        "zone": "unknown",
        "ipFamilies": [],
        "capabilities": [],
    }
    assert (found["outcome"], found["complete"], found["endedBy"]) == ("partial", False, "no cluster")
    assert "finished" not in found["run"]


def test_an_image_says_what_serves_dns() -> None:
    seen = {"name": "coredns", "version": "1.12.0", "image": "registry.k8s.io/coredns/coredns:v1.12.0"}
    untagged = {"name": "coredns", "version": "", "image": "example.test/coredns@sha256:0123"}
    cluster = HEAD["cluster"] | {"implementation": [seen, untagged]}
    assert report(Results(HEAD | {"cluster": cluster}, [result(C)]))["implementation"] == [
        seen,
        untagged | {"version": "unknown"},
    ]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (judged(CORE, C), "success"),
        (judged(CORE, C, Verdict.UNSUPPORTED), "success"),
        (judged(CORE, Verdict.UNSUPPORTED), "partial"),
        (judged(CORE, C, Verdict.SKIPPED), "partial"),
        (judged(CORE, U, C), "partial"),
        (judged(CORE, U, N, C), "failure"),
        (judged(CORE[:1], C), "partial"),  # the run is a success, but the profile was not judged
    ],
)
def test_a_profile_is_a_success_when_all_that_can_be_shown_is_conformant(results: Results, said: str) -> None:
    assert [(one["name"], one["result"]) for one in report(results)["profiles"]] == [("core", said)]


@pytest.mark.parametrize(
    ("results", "kind"),
    [
        (judged(OF_FEATURE, C), "supported"),
        (judged(OF_FEATURE, Verdict.UNSUPPORTED), "unsupported"),
        (judged(OF_FEATURE, N, C), "nonconformant"),
        (judged(OF_FEATURE, U, C), "notJudged"),
        (judged(CORE, C), "notJudged"),
    ],
)
def test_a_feature_is_supported_when_all_its_requirements_are_conformant(results: Results, kind: str) -> None:
    found = report(results)["features"]
    assert [name for name, features in found.items() if FEATURE in features] == [kind]


def test_a_feature_of_which_a_part_is_unsupported_is_partly_supported() -> None:
    found = report(judged(OF_FEATURE, C, Verdict.UNSUPPORTED))["features"]
    assert found["partlySupported"] == [FEATURE]


def test_declared_differences_are_information_and_no_failure() -> None:
    told = {"information": ["answers over UDP are not cut below 4096 bytes"]}
    found = report(Results(HEAD, [result(C, evidence=told), result(C, test="b", evidence=told)], complete=True))
    assert found["information"] == [
        {"requirement": MUST, "text": "answers over UDP are not cut below 4096 bytes"},
    ]
    assert found["outcome"] == "success"


def hostile(text: str) -> Results:
    cluster: dict[str, Any] = {"kubernetes": text, "zone": text, "provider": "existing", "capabilities": [text]}
    cluster |= {"dns": [], "implementation": [{"name": text, "version": text, "image": text}]}
    head = HEAD | {"cluster": cluster, "command": text}
    return Results(head, [with_evidence(text)], ended_by=text)


@pytest.mark.parametrize(
    "text", [*HOSTILE, "&anchor *alias !!python/object:x", "a: b\n- c\n---\n...", "%YAML 9", "null"]
)
def test_yaml_says_what_it_was_told_whatever_that_is(text: str) -> None:
    found = report(hostile(text))
    shown = printable(text)
    assert found["cluster"]["kubernetes"] == found["run"]["command"] == found["endedBy"] == shown
    assert found["nonconformant"][0]["message"] == printable(f"NONCONFORMANT x: {text}".split("\n")[0])
    assert all(line.isprintable() for line in conformance.text(hostile(text)).split("\n"))


@given(SOUP)
def test_yaml_keeps_its_shape_for_any_text(text: str) -> None:
    assert report(hostile(text or "x"))["cluster"]["zone"] == printable(text or "x")


WRONG: list[tuple[str, Any, str]] = [
    ("kind", "Conformance", "$.kind"),
    ("apiVersion", "v1", "$.apiVersion"),
    ("outcome", "passed", "$.outcome"),
    ("complete", "yes", "$.complete"),
    ("implementation", [], "$.implementation"),
    ("implementation", [{"name": "coredns"}], "$.implementation[0]"),
    ("profiles", [{"name": "core", "result": "success"}], "$.profiles[0]"),
    ("nonconformant", ["headless.address.ipv4"], "$.nonconformant[0]"),
    ("timings", {"answer": "2 s"}, "$.timings.answer"),
    ("kubeconfig", "apiVersion: v1", "$"),
]


@pytest.mark.parametrize(("name", "value", "where"), WRONG)
def test_the_schema_refuses_a_wrong_document(name: str, value: Any, where: str) -> None:
    document = copy.deepcopy(report(every_verdict()))
    document[name] = value
    assert mistakes(document) == [where]


@pytest.mark.parametrize("name", SCHEMA["required"])
def test_the_schema_misses_what_is_left_out(name: str) -> None:
    document = report(every_verdict())
    del document[name]
    assert mistakes(document) == ["$"]


RESULTS = st.builds(
    Result,
    st.sampled_from(sorted(catalogue())),
    st.sampled_from("abcdefgh"),
    st.sampled_from(Verdict),
    SOUP.map(lambda text: f"unsupported: needs x{text}"),
    evidence=st.fixed_dictionaries({}, optional={"information": st.lists(SOUP, max_size=2)}),
)
RUNS = st.builds(
    Results,
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(sorted(catalogue()))).map(
        lambda selected: HEAD | {"selected": selected}
    ),
    st.lists(RESULTS, max_size=8, unique_by=lambda one: one.test),
    st.booleans(),
    SOUP,
    st.sampled_from([0.0, 1900000009.5]),
)


@given(RUNS)
def test_what_follows_from_a_report_that_is_read_back_is_what_it_says(results: Results) -> None:
    known = {one.test: one.requirement for one in results.results}
    results.run = results.run | {"selected": results.run["selected"] | known}
    document = conformance.document(results)
    assert conformance.document(conformance.results_of(document)) == document


@given(RUNS)
def test_a_report_is_written_as_it_was_after_it_was_read(results: Results) -> None:
    text = conformance.text(results)
    document = yaml.safe_load(text)
    assert conformance.sealed(document) == document
    assert conformance.dump(document) == text


def test_the_digest_is_of_everything_and_of_no_order() -> None:
    assert conformance.sealed({"b": [1], "a": "é"}) == {
        "b": [1],
        "a": "é",
        "digest": "sha256:080db8b6e1401db291aec690a7578f12e73286d0b2450841c891bf1e976aa628",
    }
    assert conformance.sealed({"a": "é", "b": [1]}) == conformance.sealed({"b": [1], "a": "é", "digest": "x"})
