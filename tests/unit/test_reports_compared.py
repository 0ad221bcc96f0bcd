"""Two runs compared: what is worse, what is better, and what nobody can tell any more."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance.errors import ExitCode
from kube_dns_conformance.reports import compared
from kube_dns_conformance.reports.compared import Compared, Comparison
from kube_dns_conformance.results import Result, Results, Verdict
from reports_samples import HEAD, HOSTILE, hostile_cluster, verdicts

GOOD, BAD, UNKNOWN, UNSUPPORTED = (
    Verdict.CONFORMANT,
    Verdict.NONCONFORMANT,
    Verdict.UNKNOWN,
    Verdict.UNSUPPORTED,
)
RUNS = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(Verdict)).map(lambda one: verdicts(**one))


def test_each_requirement_is_in_the_list_of_what_became_of_it() -> None:
    before = verdicts(a=GOOD, b=GOOD, c=BAD, d=BAD, e=GOOD, f=UNSUPPORTED, g=GOOD, i=BAD, j=UNKNOWN, k=UNKNOWN)
    after = verdicts(a=GOOD, b=BAD, c=GOOD, d=BAD, e=UNSUPPORTED, f=UNSUPPORTED, h=BAD, i=UNKNOWN, j=GOOD, k=BAD)
    assert compared.runs(before, after) == Compared(
        broken=("b", "h", "k"),
        mended=("c",),
        still=("d",),
        lost=("e",),
        unclear=("i",),
        regained=("j",),
        only_before=("g",),
        only_after=("h",),
    )


def test_what_was_not_asked_for_again_is_not_lost() -> None:
    """As when DNS could not be looked at after an upgrade, for whatever reason: nobody is accused for that."""
    found = compared.runs(verdicts(a=GOOD), verdicts(b=UNKNOWN))
    assert found == Compared(only_before=("a",), only_after=("b",))


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ({"a": GOOD, "b": BAD}, {"a": GOOD, "b": BAD}, 0),
        ({"a": GOOD, "b": BAD}, {"a": GOOD, "b": UNKNOWN}, 0),
        ({"a": GOOD}, {"a": GOOD, "b": UNKNOWN}, 0),
        ({"a": BAD}, {"a": GOOD}, 0),
        ({"a": GOOD}, {"a": BAD}, 1),
        ({"a": UNKNOWN}, {"a": BAD}, 1),
        ({}, {"a": BAD}, 1),
        ({"a": GOOD, "b": GOOD}, {"a": BAD, "b": UNKNOWN}, 1),
        ({"a": GOOD}, {"a": UNKNOWN}, 3),
        ({"a": GOOD}, {"a": UNSUPPORTED}, 3),
        ({"a": GOOD, "b": GOOD}, {"a": GOOD}, 3),
        ({"a": UNKNOWN}, {"a": GOOD}, 3),
        ({"a": BAD}, {"a": UNKNOWN}, 3),
        ({}, {}, 3),
    ],
)
def test_the_status_says_whether_anything_is_worse(
    before: dict[str, Verdict], after: dict[str, Verdict], status: int
) -> None:
    assert Comparison(verdicts(**before), verdicts(**after)).exit_code() == status


@given(RUNS, RUNS)
def test_what_is_in_both_runs_is_in_one_list_at_most_and_backwards_it_is_the_other_one(a: Results, b: Results) -> None:
    there, back = compared.runs(a, b), compared.runs(b, a)
    lists = [set(names) for names in astuple(there)[:6]]
    assert len(set().union(*lists)) == sum(map(len, lists))
    assert set(there.only_before) == set(back.only_after)
    assert set(there.still) == set(back.still)
    assert set(there.mended) <= set(back.broken)
    assert set(there.lost) == set(back.regained)


@given(RUNS, RUNS)
def test_nothing_is_worse_only_where_all_that_was_conformant_still_is(a: Results, b: Results) -> None:
    was, now = a.by_requirement(), b.by_requirement()
    kept = all(now.get(name) is GOOD for name, verdict in was.items() if verdict is GOOD)
    if Comparison(a, b).exit_code() is ExitCode.CONFORMANT:
        assert kept
    assert Comparison(a, a).exit_code() != ExitCode.NONCONFORMANT


def told(before: Results, after: Results) -> list[str]:
    return [text for text, _ in Comparison(before, after).lines()]


def run(verdict: Verdict, message: str = "", **cluster: Any) -> Results:
    head = HEAD | {"cluster": HEAD["cluster"] | cluster}
    return Results(head, [Result("clusterip.address.ipv4", "a", verdict, message)], complete=True)


def test_what_is_worse_is_told_first_and_then_how_the_clusters_differ() -> None:
    message = "NONCONFORMANT clusterip.address.ipv4 (2.3.1, MUST): web.shop answers nothing"
    dns = [{"name": "dns-0", "host": "10.0.0.2", "port": 53}]
    newer = [{"name": "coredns", "version": "1.15.0", "image": ""}]
    after = run(BAD, message, kubernetes="1.38.0", zone="corp.example", dns=dns, implementation=newer)
    assert told(run(GOOD), after) == [
        message,
        "DNS implementation: coredns 1.14.7 before, coredns 1.15.0 after",
        "DNS servers: 127.0.0.1:5300 before, 10.0.0.2:53 after",
        "Kubernetes: 1.37.2 before, 1.38.0 after",
        "zone: cluster.local before, corp.example after",
        "worse: 1 newly nonconformant, 0 newly conformant, 0 not judged any more, 0 judged again",
    ]


def test_why_something_is_not_judged_any_more_is_told() -> None:
    before = verdicts(a=GOOD, b=BAD, c=BAD, d=BAD, e=UNKNOWN, f=GOOD)
    after = verdicts(b=UNSUPPORTED, c=BAD, d=GOOD, e=GOOD, f=UNKNOWN, g=UNKNOWN, h=UNSUPPORTED)
    after.results[-3] = Result("f", "test_f", UNKNOWN, "UNKNOWN f: no node is left")
    assert told(before, after) == [
        "conformant before, not judged now: f: UNKNOWN f: no node is left",
        "nonconformant before, not judged now: b",
        "nonconformant before as well: c",
        "nonconformant before, conformant now: d",
        "not judged before, conformant now: e",
        "only in the first run: a (conformant)",
        "only in the second run: g (unknown), h (unsupported)",
        "could not tell: 0 newly nonconformant, 1 newly conformant, 2 not judged any more, 1 judged again",
    ]


def test_programs_are_told_the_same() -> None:
    found = Comparison(run(GOOD), run(BAD, "NONCONFORMANT x", kubernetes="1.38.0")).as_data()
    assert found == {
        "outcome": "worse",
        "broken": {"clusterip.address.ipv4": "NONCONFORMANT x"},
        "lost": {},
        "unclear": {},
        "still_broken": [],
        "mended": [],
        "regained": [],
        "only_before": [],
        "only_after": [],
        "differences": [{"what": "Kubernetes", "before": "1.37.2", "after": "1.38.0"}],
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_compared_as_text(text: str) -> None:
    strange = Results(hostile_cluster(text).run, [Result(text, "a", BAD, f"NONCONFORMANT {text}")])
    found = Comparison(run(GOOD), strange)
    assert found.compared.broken == found.compared.only_after == (text,)
    assert f"Kubernetes: 1.37.2 before, {text} after" in told(run(GOOD), strange)
