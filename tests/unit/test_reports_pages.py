"""The page: the verdict first, every link leads somewhere, and what a server says is text."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given

from kube_dns_conformance.outages import State
from kube_dns_conformance.reports import pages
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable
from reports_samples import (
    HEAD,
    HOSTILE,
    MUST,
    SEGMENT,
    SOUP,
    changed,
    every_verdict,
    hostile_cluster,
    result,
    verdicts,
    with_evidence,
)

VOID = {"meta", "input", "link", "br", "hr", "img"}


class Page(HTMLParser):
    """A page as a browser takes it: elements, what leads where, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.handlers: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [one for name in ("href", "src", "action") if (one := found.get(name))]
        self.ids += [one for one in [found.get("id")] if one]
        self.handlers += [name for name in found if name.startswith("on")]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in {"style", "script"} and data.strip():
            self.texts.append(data.strip())


def of(*results: Result) -> Page:
    return Page(pages.of_run(Results(HEAD, list(results), complete=True)))


def test_it_begins_with_the_verdict_and_says_what_was_judged_and_where() -> None:
    texts = Page(pages.of_run(every_verdict())).texts
    at = texts.index("✗ Kubernetes DNS conformance: failure")
    assert texts[at + 1] == "1 nonconformant, 1 unknown, 1 conformant, 1 unsupported, 1 skipped, 1 not run"
    assert "coredns 1.14.7" in texts
    assert "Kubernetes 1.37.2, embedded cluster, zone cluster.local" in " ".join(texts)
    assert "2030-03-17 17:46:40 UTC" in texts


def test_every_requirement_has_its_place_and_every_link_leads_somewhere() -> None:
    found = Page(pages.of_run(every_verdict()))
    assert set(found.ids) >= set(catalogue())
    assert len(found.ids) == len(set(found.ids))
    assert all(one.startswith("#") and one[1:] in found.ids for one in found.links)


def test_what_failed_first_is_told_first() -> None:
    late = Result(MUST, "late", Verdict.NONCONFORMANT, "late", "the later", 1900000009.0, 1.0)
    early = Result("headless.address.ipv6", "early", Verdict.NONCONFORMANT, "early", "the first", 1900000002.0, 1.0)
    texts = of(late, early).texts
    assert texts.index("the first") < texts.index("the later")


def test_it_needs_nothing_else() -> None:
    text = pages.of_run(every_verdict())
    assert "default-src 'none'" in text
    assert "//" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_requirement_that_is_no_more_keeps_its_times() -> None:
    times = {"appeared": 1.0, "disappeared": 0.0, "flaps": 0, "longest": 1.0, "total": 1.0, "outages": []}
    old = replace(
        result(Verdict.CONFORMANT, evidence={"changes": [changed([SEGMENT], times)]}), requirement="an.old.name"
    )
    assert "an.old.name" in pages.of_run(Results({}, [old]))


def test_a_change_is_drawn() -> None:
    seen = [SEGMENT | {"state": str(State.STALE)}]
    found = of(result(Verdict.NONCONFORMANT, "why", evidence={"changes": [changed(seen)]}))
    assert found.tags.count("svg") == 1
    assert "Pod web-1: is gone" in " ".join(found.texts)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_shown(text: str) -> None:
    plain, hostile = of(with_evidence("x")), of(with_evidence(text))
    assert (hostile.tags, hostile.links, hostile.handlers) == (plain.tags, plain.links, plain.handlers)
    cluster = Page(pages.of_run(hostile_cluster(text)))
    assert cluster.handlers == []
    assert cluster.tags == Page(pages.of_run(hostile_cluster("x"))).tags


@given(SOUP)
def test_whatever_a_server_says_stays_text(text: str) -> None:
    found = of(with_evidence(f"x{text}"))
    assert found.tags == of(with_evidence("x")).tags
    assert printable(f"NONCONFORMANT x: x{text}").strip() in found.texts


def test_two_runs_side_by_side_say_first_what_is_not_judged_alike() -> None:
    old = Results(HEAD, [Result(MUST, "a", Verdict.CONFORMANT)], complete=True)
    new = Results(HEAD | {"version": "0.2.0"}, [Result(MUST, "a", Verdict.NONCONFORMANT)], complete=True)
    found = Page(pages.side_by_side([old, new], ["OLD", "NEW"]))
    assert "1 requirement is not judged alike." in found.texts
    assert found.texts.index("What is not judged alike") < found.texts.index(MUST)
    assert sum(one == "≠" or one.endswith(" ≠") for one in found.texts) >= 3
    assert all(one.startswith("#") and one[1:] in found.ids for one in found.links)


def test_two_runs_side_by_side_say_what_is_worse_and_why() -> None:
    old = verdicts(headless__address__ipv4=Verdict.CONFORMANT, of__another__version=Verdict.UNKNOWN)
    new = Results(HEAD, [result(Verdict.NONCONFORMANT, "NONCONFORMANT it: one of 3 is missing")], complete=True)
    texts = Page(pages.side_by_side([old, new], ["OLD", "NEW"])).texts
    headings = [
        "Newly nonconformant",
        MUST,
        "NONCONFORMANT it: one of 3 is missing",
        "In only one of the runs, or judged in neither",
        "of.another.version",
        "not in the catalogue of this version",
    ]
    places = [texts.index(one) for one in headings]
    assert places == sorted(places)
    assert texts[places[0] + 1 : places[0] + 5] == ["requirement", "OLD", "NEW", "why"]


def test_of_three_runs_nothing_is_said_to_be_worse() -> None:
    runs = [Results(HEAD, [result(one)], complete=True) for one in (Verdict.CONFORMANT, *Verdict.bad())]
    text = pages.side_by_side(runs, ["a", "b", "c"])
    assert "1 requirement is not judged alike." in text
    assert "Newly nonconformant" not in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_clusters_side_by_side_are_shown(text: str) -> None:
    hostile, plain = hostile_cluster(text), hostile_cluster("x")
    found = Page(pages.side_by_side([plain, hostile], ["x", text]))
    assert found.handlers == []
    assert found.tags == Page(pages.side_by_side([plain, plain], ["x", "x"])).tags
