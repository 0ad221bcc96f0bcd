"""Published reports: all are as the suite wrote them, the page shows them, and what somebody edited is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kube_dns_conformance.reports import conformance
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from reports_samples import HEAD, HOSTILE, every_verdict
from tools import published

WHERE = "coredns/1.14.7/conformance.yaml"


def test_every_published_report_is_as_the_suite_wrote_it() -> None:
    assert published.files(published.FOLDER)
    found = {one: list(published.problems(one, published.FOLDER)) for one in published.files(published.FOLDER)}
    assert {one: problems for one, problems in found.items() if problems} == {}


def test_the_page_of_published_reports_is_current() -> None:
    again = "python -m tools.published writes it again"
    assert published.PAGE.read_text("utf-8") == published.page(published.FOLDER), again


def results() -> Results:
    """A whole run: all is conformant but one of each other verdict."""
    found = every_verdict()
    rest = [one for one in catalogue() if one not in found.run["selected"].values()]
    found.results += [Result(name, name, Verdict.CONFORMANT) for name in rest]
    tests = {one.test: one.requirement for one in found.results}
    return Results(HEAD | {"selected": tests}, found.results, complete=True, finished=1900000009.0)


def wrong(folder: Path, text: str, where: str = WHERE) -> list[str]:
    """What is said of a file with this text at this place."""
    path = folder / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", "surrogatepass")
    return list(published.problems(path, folder))


def test_what_the_suite_wrote_is_right_where_it_belongs(tmp_path: Path) -> None:
    path = published.keep(conformance.text(results()), "pods-verified", tmp_path)
    assert path == tmp_path / "coredns/1.14.7/pods-verified/conformance.yaml"
    assert list(published.problems(path, tmp_path)) == []
    assert published.page(tmp_path).count('<th scope="col">coredns 1.14.7 pods-verified</th>') > 1


EDITED = "its digest is of something else: it was edited"
REWRITTEN = "it says what the suite wrote, and not as the suite writes it: it was edited"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("outcome: failure", "outcome: success", [EDITED, "outcome does not follow from its verdicts"]),
        ("nonconformant: 1", "nonconformant: 0", [EDITED, "profiles does not follow from its verdicts"]),
        ("nonconformant because", "as it should be", [EDITED]),
        ("version: 1.14.7", "version: 1.15.0", [EDITED, "it belongs to coredns/1.15.0"]),
        ("kubernetes: 1.37.2", "kubernetes: 1.38.0", [EDITED]),
        ("level: MUST", "level: MAY", [EDITED, "unknown does not follow from its verdicts"]),
        ("kind: ConformanceReport", "kind: ConformanceReport # not ours", [REWRITTEN]),
        ("kind: ConformanceReport", "kind: Other\nkind: ConformanceReport", [REWRITTEN]),
        ("T17:46:40Z", "T27:46:40Z", [EDITED, "ValueError: time data"]),
    ],
)
def test_what_was_edited_is_refused(old: str, new: str, found: list[str], tmp_path: Path) -> None:
    text = conformance.text(results())
    assert old in text
    said = wrong(tmp_path, text.replace(old, new, 1) if old != "level: MUST" else text.replace(old, new))
    assert [one for one in found if not any(line.startswith(one) for line in said)] == []
    assert bool(EDITED in found or REWRITTEN in found)


def sealed(**changed: Any) -> str:
    """A report that was edited by somebody who computed its digest again."""
    return conformance.dump(conformance.sealed(conformance.document(results()) | changed))


FAILED = conformance.document(results())["nonconformant"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"outcome": "success"}, ["outcome does not follow from its verdicts"]),
        ({"nonconformant": []}, ["outcome", "profiles"]),
        ({"conformant": FAILED}, ["$.conformant[0]: Additional properties"]),
        ({"nonconformant": [*FAILED, dict(FAILED[0])]}, ["nonconformant does not follow from its verdicts"]),
        ({"nonconformant": [FAILED[0] | {"requirement": "no.such"}]}, ["there is no requirement no.such"]),
        ({"features": {}}, ["$.features: 'supported' is a required property"]),
        ({"complete": False}, ["the run did not reach its end"]),
        ({"implementation": [{"name": "unknown", "version": "unknown"}]}, ["it does not say what was judged"]),
        ({"implementation": [{"name": "..", "version": ".."}]}, ["it belongs to ../../conformance.yaml"]),
        ({"timings": {"answer": 0}}, ["$.timings.answer: 0 is less than or equal"]),
        ({"timings": {1: 1}}, ["$.timings: 1 is not of type 'string'"]),
    ],
)
def test_what_does_not_follow_is_noticed_even_with_a_digest_that_fits(
    changed: dict[str, Any], why: list[str], tmp_path: Path
) -> None:
    said = wrong(tmp_path, sealed(**changed) if 1 not in changed.get("timings", {}) else unsealed(changed))
    assert EDITED not in said
    assert [one for one in why if not any(line.startswith(one) for line in said)] == []


def unsealed(changed: dict[str, Any]) -> str:
    return conformance.dump(conformance.sealed(conformance.document(results())) | changed)


def test_of_another_catalogue_only_the_digest_and_the_form_are_known(tmp_path: Path) -> None:
    document = conformance.document(results())
    document["run"]["catalogue"] = f"sha256:{'0' * 64}"
    document["conformant"][0]["requirement"] = "of.a.later-version"
    text = conformance.dump(conformance.sealed(document))
    assert wrong(tmp_path, text) == []
    assert ">of.a.later-version<" in published.page(tmp_path)
    (tmp_path / WHERE).write_text(text.replace("later", "newer"))
    assert list(published.problems(tmp_path / WHERE, tmp_path)) == [EDITED]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "$: None is not of type 'object'"),
        ("[" * 500_000, "ToolsError: it has aliases, or is nested deeper than the suite writes"),
        ("[\n" * 300_000, "ToolsError: it has aliases, or is nested deeper than the suite writes"),
        ("- " * 400_000, "ToolsError: it has aliases, or is nested deeper than the suite writes"),
        ("? " * 400_000, "ToolsError: it has aliases, or is nested deeper than the suite writes"),
        ("a: &a [x]\nb: *a", "ToolsError: it has aliases, or is nested deeper than the suite writes"),
        ("!!python/object:os.system {}", "ToolsError: it is no YAML: ConstructorError"),
        ("a: {[]: 1}", "ToolsError: it is no YAML: ConstructorError"),
        ("a: 2026-99-99", "ToolsError: it is no YAML: ValueError"),
        ("\x00", "ToolsError: it is no YAML: ReaderError"),
        ("\ud800", "UnicodeDecodeError"),
        ("x" * 1_000_001, "ToolsError: it has more than 1000000 characters"),
    ],
)
def test_what_is_no_report_is_refused(text: str, why: str, tmp_path: Path) -> None:
    said = wrong(tmp_path, text)
    assert any(one.startswith(why) for one in said), said


@pytest.mark.parametrize("where", ["conformance.yaml", "coredns/conformance.yaml", "coredns/1.14.7/report.yaml"])
def test_what_lies_elsewhere_is_refused(where: str, tmp_path: Path) -> None:
    belongs = "it belongs to coredns/1.14.7/conformance.yaml, or to coredns/1.14.7/CONFIGURATION/conformance.yaml"
    assert wrong(tmp_path, conformance.text(results()), where) == [belongs]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_shown_on_the_page(text: str, tmp_path: Path) -> None:
    hostile = results()
    hostile.run = hostile.run | {"cluster": HEAD["cluster"] | {"kubernetes": text, "zone": text}, "version": text}
    published.keep(conformance.text(hostile), folder=tmp_path)
    page = published.page(tmp_path)
    assert page.count("<script>") == 1
    assert "\x1b" not in page
    assert yaml.safe_load((tmp_path / WHERE).read_text("utf-8"))["cluster"]["zone"]
