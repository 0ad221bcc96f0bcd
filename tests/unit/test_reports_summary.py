"""The summary in Markdown: the verdict first, and nothing that a server says is obeyed by whoever shows it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kube_dns_conformance.reports import summary
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable
from reports_samples import (
    CHECK,
    HEAD,
    HOSTILE,
    MUST,
    SEGMENT,
    SIX,
    SOUP,
    changed,
    every_verdict,
    result,
    with_evidence,
)


def tokens(results: Results) -> list[Token]:
    """The summary as GitHub reads it."""
    parsed = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(summary.markdown(results))
    return [one for token in parsed for one in (token, *(token.children or ()))]


def test_the_summary_begins_with_the_verdict_and_says_what_was_judged_and_where() -> None:
    counts = "1 nonconformant, 1 unknown, 1 conformant, 1 unsupported, 1 skipped, 1 not run"
    lines = summary.markdown(every_verdict()).splitlines()
    assert lines[:3] == [
        "# ❌ Kubernetes DNS conformance: failure",
        "",
        f"{counts}. **The run did not reach its end.**",
    ]
    assert lines[4:9] == [
        "- DNS implementation: coredns 1.14.7",
        "- Kubernetes 1.37.2, embedded cluster, zone `cluster.local`",
        "- asked: dns-0 127.0.0.1:5300",
        "- capabilities: ipv4",
        "- run 12ab34cd, kube-dns-conformance 0.1.0",
    ]


def test_the_summary_counts_by_profile() -> None:
    lines = summary.markdown(every_verdict()).splitlines()
    left = sum(one.profile == "core" for one in catalogue().values()) - 6
    at = lines.index(
        "| profile | result | nonconformant | unknown | conformant | unsupported | skipped | not run | not selected |"
    )
    assert lines[at + 2] == f"| core | ❌ failure | 1 | 1 | 1 | 1 | 1 | 1 | {left} |"


def test_the_summary_says_what_is_wrong_before_anything_that_is_right() -> None:
    text = summary.markdown(every_verdict())
    assert "## What is wrong\n\n❌ **clusterip.address.ipv4** (2.3.1, MUST): A Service with a ClusterIP answers" in text
    assert "```\nnonconformant because\n  detail\n```\n" in text
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "## What is wrong",
        "## What was not judged",
        "## Coverage",
        "## To do this again",
        "## What was asked, expected and got",
    ]


def test_the_summary_has_the_text_of_every_test_that_found_something_wrong() -> None:
    bad = [result(Verdict.NONCONFORMANT, f"NONCONFORMANT {one}", test=one) for one in ("a", "b")]
    text = summary.markdown(Results(HEAD, bad, complete=True))
    assert [text.count(f"```\nNONCONFORMANT {one}\n```") for one in ("a", "b")] == [1, 1]


def test_the_summary_says_why_something_was_not_judged_each_reason_once() -> None:
    results = [
        Result("headless.address.ipv4", "a", Verdict.UNKNOWN, "UNKNOWN headless.address.ipv4: gone"),
        Result("headless.address.ipv6", "b", Verdict.UNKNOWN, "UNKNOWN headless.address.ipv6: gone"),
        Result("clusterip.address.ipv6", "c", Verdict.UNSUPPORTED, "unsupported: needs ipv6"),
    ]
    lines = summary.markdown(Results(HEAD, results, complete=True)).splitlines()
    at = lines.index("| | why | requirements |")
    assert lines[at + 2 : at + 5] == [
        "| ❔ unknown | gone | `headless.address.ipv4`, `headless.address.ipv6` |",
        "| ➖ unsupported | needs ipv6 (Services have IPv6 addresses) | `clusterip.address.ipv6` |",
        "",
    ]


def test_the_summary_has_the_coverage_of_the_whole_catalogue_by_section() -> None:
    rows = [line for line in summary.markdown(every_verdict()).splitlines() if re.match(r"\| 2\.3\.1 ", line)]
    assert len(rows) == 1
    assert "| 1 | 1 |  |  |  |  |" in rows[0]
    assert "❌ `clusterip.address.ipv4` ❔ `clusterip.address.ipv6`" in rows[0]
    text = summary.markdown(every_verdict())
    assert all(f"`{name}`" in text for name in catalogue())


def test_the_summary_says_how_to_do_it_again_and_with_which_limits() -> None:
    text = summary.markdown(every_verdict())
    assert "## To do this again\n\n```\nkube-dns-conformance run --cluster embedded\n```\n" in text
    assert "Time limits (seconds; stable: rounds): answer 2, stable 3\n" in text


def test_declared_differences_are_shown() -> None:
    told = {"information": ["answers *are* not cut"]}
    both = [result(Verdict.CONFORMANT, evidence=told), Result(SIX[0], "b", Verdict.CONFORMANT, evidence=told)]
    text = summary.markdown(Results(HEAD, both, complete=True))
    shown = "- answers \\*are\\* not cut (`headless.address.ipv4`, `clusterip.address.ipv4`)\n"
    assert f"## For information: where servers differ without being wrong\n\n{shown}" in text


def test_the_summary_says_what_ended_the_run() -> None:
    text = summary.markdown(Results(HEAD | {"selected": {"t": MUST}}, [], ended_by="interrupted by SIGTERM"))
    assert "1 not run. **The run did not reach its end: interrupted by SIGTERM**" in text.splitlines()


def test_the_summary_shows_the_worst_first_with_what_was_asked_and_got() -> None:
    found = {"checks": [CHECK], "before": [SEGMENT]}
    good = result(Verdict.CONFORMANT, test="a::test_good")
    bad = result(Verdict.NONCONFORMANT, "NONCONFORMANT x\n  got y", "a::test_bad", evidence=found)
    text = summary.markdown(Results(HEAD, [good, bad], complete=True))
    assert text.index("test\\_bad") < text.index("test\\_good")
    assert "```\nNONCONFORMANT x\n  got y\n```\n" in text
    assert "| web.shop.svc.cluster.local. A | 127.0.0.1:5300/udp | 10.0.0.1 | NOERROR 10.0.0.2 |\n" in text
    assert "| 0.00 s | 1.50 s | 31 | dns-0/udp | web.shop.svc.cluster.local. A | NOERROR 10.0.0.2 |  |\n" in text


def shown(**evidence: Any) -> str:
    return summary.markdown(Results(HEAD, [result(Verdict.CONFORMANT, evidence={"checks": []} | evidence)]))


def test_the_summary_tells_of_each_change_what_happened_and_what_was_seen_when() -> None:
    stale = SEGMENT | {"state": "stale"}
    began = (
        "the objects settled 0.25 s after it began, DNS had until 15.25 s to follow"
        " (10 s, and 5 s for which its answers may be kept).\n"
        "Required: all is right."
    )
    text = shown(changes=[changed([stale]), changed([], kind="API server", name="", what="is stopped")])
    assert f"\nChange 1 of 2: {began}\n\n| at | what happened |\n|---|---|\n| 0.25 s | Pod web-1: is gone |\n" in text
    assert "| -0.25 s | 1.25 s | 31 | dns-0/udp | web.shop.svc.cluster.local. A | NOERROR 10.0.0.2 | stale |\n" in text
    assert f"\nChange 2 of 2: {began}\n\n| at | what happened |\n|---|---|\n| 0.25 s | API server: is stopped |" in text


def test_the_summary_says_who_watched_and_how_exactly_it_is_known() -> None:
    observer = {"name": "agent on node a|b", "slot": 0.05, "slots": 130, "missed": 3, "ahead": 0.0015, "error": 0.002}
    known = SEGMENT | {"longest": 1.0, "total": 2.0, "resolution": 0.051, "unknown": 0.0}
    text = shown(changes=[changed([], known, known | {"unknown": 49.7}) | {"observers": [observer]}])
    who = "agent on node a\\|b, once in 0.05 s; 3 of 130 slots missed; its clock +0.002 s ± 0.002 s"
    assert f"\n- watched from {who}\n" in text
    assert "| 1.00 s | 2.00 s | 0.05 s |\n" in text
    assert "| 1.00 s | 2.00 s | 0.05 s, 49.7 s unasked |\n" in text


def test_the_summary_shows_how_something_was_asked() -> None:
    assert "| web.shop.svc.cluster.local. A +noedns | 127.0.0.1:5300/udp |" in shown(
        checks=[CHECK | {"options": "+noedns"}]
    )


def test_the_summary_shows_answers_in_the_order_of_what_is_expected() -> None:
    many = CHECK | {"answer": ["5 A 10.0.0.10", "5 A 10.0.0.9"], "truncated": True}
    assert "| NOERROR 10.0.0.9 10.0.0.10 (truncated) |" in shown(checks=[many])


def test_the_summary_shows_all_of_an_answer_of_which_something_is_claimed() -> None:
    soa = "5 SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5"
    claim = {"claim": True, "expected": "NXDOMAIN with one SOA record", "rcode": "NXDOMAIN", "answer": []}
    denied = CHECK | claim | {"question": "wEb.", "authority": [soa], "edns": None}
    wanted = f"NXDOMAIN; 120 bytes; EDNS none; question wEb.; authority {soa}; answer none"
    assert f"| NXDOMAIN with one SOA record | {wanted} |" in shown(checks=[denied])


def test_the_summary_says_what_was_done_where_nothing_was_watched() -> None:
    patched = {"at": 101.75, "kind": "Service", "name": "web", "what": 'is patched with {"a": 1}'}
    text = shown(checks=[CHECK], before=[SEGMENT], events=[patched])
    first, second = text.index("| 0.00 s | 1.50 s | 31 | dns-0/udp |"), text.index("| 1.75 s | Service web: is patched")
    assert first < second < text.index("\nAfter that:\n") < text.index("| asked | of | expected | got |")


def test_what_was_not_right_is_shown_first() -> None:
    lanes = [SEGMENT | {"name": f"{one:02}.", "state": "stale" if one == 40 else "right"} for one in range(41)]
    windows = [{**SEGMENT, "longest": float(one), "total": 0.0, "name": f"{one:02}."} for one in range(41)]
    text = shown(changes=[changed(lanes, *windows)])
    assert re.findall(r"dns-0/udp \| (\d\d)\. A \| NOERROR", text) == ["40", *(f"{one:02}" for one in range(11))]
    assert re.findall(r"\| (\d\d)\. A \| dns-0/udp \|", text) == [str(one) for one in range(40, 28, -1)]


def test_the_summary_has_the_objects_of_each_file_once() -> None:
    state = [f"Pod web-{one}: ready" for one in range(25)]
    results = [result(Verdict.CONFORMANT, test=f"suites/a.py::{one}", evidence={"state": state}) for one in "ab"]
    text = summary.markdown(Results(HEAD, results))
    assert text.count("<details><summary>suites/a.py</summary>\n\n- Pod web-0: ready\n") == 1
    assert "- Pod web-23: ready\n- … 1 more in results.jsonl\n" in text


def test_the_summary_says_what_is_required_by_what_was_not_judged() -> None:
    text = summary.markdown(Results(HEAD, [Result("clusterip.address.ipv6", "c", Verdict.UNSUPPORTED, "needs ipv6")]))
    assert f"- `clusterip.address.ipv6`: {catalogue()['clusterip.address.ipv6'].sentence}\n" in text


@pytest.mark.parametrize(("rows", "more"), [(12, False), (13, True), (400, True)])
def test_the_summary_stays_readable_with_much_evidence(rows: int, more: bool) -> None:
    found = {"checks": [CHECK] * rows, "before": [SEGMENT] * rows}
    text = summary.markdown(Results(HEAD, [result(Verdict.CONFORMANT, evidence=found)], complete=True))
    assert text.count("| web.shop.svc.cluster.local. A | 127.0.0.1:5300/udp |") == 12
    assert text.count(f"| … {rows - 12} more in results.jsonl |") == (2 if more else 0)


SHAPE = (
    *("heading_open", "table_open", "tr_open", "th_open", "td_open", "fence", "code_block", "code_inline"),
    *("html_inline", "html_block", "link_open", "image", "strong_open", "em_open", "s_open", "hr"),
    *("blockquote_open", "bullet_list_open", "ordered_list_open", "list_item_open", "paragraph_open"),
)


def shape(results: Results) -> dict[str, int]:
    kinds = [token.type for token in tokens(results)]
    return {kind: kinds.count(kind) for kind in SHAPE if kind in kinds}


@pytest.mark.parametrize("text", HOSTILE)
def test_the_summary_keeps_its_shape_whatever_a_server_says(text: str) -> None:
    assert shape(Results(HEAD, [with_evidence(text)])) == shape(Results(HEAD, [with_evidence("x")]))


@given(SOUP)
def test_the_summary_keeps_its_shape_for_any_text(text: str) -> None:
    assert shape(Results(HEAD, [with_evidence(text)])) == shape(Results(HEAD, [with_evidence("x")]))


@given(SOUP)
def test_the_summary_keeps_its_shape_whatever_the_cluster_is_called(text: str) -> None:
    def named(name: str) -> Results:
        server = {"name": name, "host": "127.0.0.1", "port": 53}
        software = {"name": name, "version": name, "image": name}
        cluster = HEAD["cluster"] | {"kubernetes": name, "zone": f"{name} ", "dns": [server], "capabilities": [name]}
        head = HEAD | {"cluster": cluster | {"implementation": [software]}, "command": f"run {name}"}
        told = result(Verdict.UNKNOWN, f"UNKNOWN x: {name}", evidence={"information": [name]})
        return Results(head, [told], ended_by=f"by {name}")

    assert shape(named(f"x{text}")) == shape(named("x"))


@given(SOUP)
def test_a_fence_holds_the_whole_text(text: str) -> None:
    fences = [token.content for token in tokens(Results(HEAD, [with_evidence(text)])) if token.type == "fence"]
    found, command = fences
    assert command == "kube-dns-conformance run --cluster embedded\n"
    assert found == printable(f"NONCONFORMANT x: {text}") + "\n"


def test_a_very_long_answer_is_shortened_in_the_table() -> None:
    text = summary.markdown(Results(HEAD, [with_evidence("web-0.shop. " * 1000)]))
    assert max(len(line) for line in text.splitlines() if line.startswith("|") and "web-0" in line) < 2000


def test_an_address_in_what_a_server_says_is_no_link() -> None:
    text = summary.markdown(Results(HEAD, [with_evidence("http://evil.test www.evil.test")]))
    assert r"http\://evil.test www\.evil.test" in text


def many(number: int) -> Results:
    found = {"checks": [CHECK] * 20, "before": [SEGMENT] * 20}
    bad = [
        result(Verdict.NONCONFORMANT, f"NONCONFORMANT x: ü\n{'long ' * 5000}", f"a::{one}", evidence=found)
        for one in range(number)
    ]
    return Results(HEAD, [*bad, result(Verdict.CONFORMANT, test="b")], complete=True)


@pytest.mark.parametrize("limit", [1024 * 1024, 100_000, 20_000, 500])
def test_a_huge_summary_ends_before_its_limit_and_says_so(limit: int) -> None:
    text = summary.markdown(many(300), limit)
    assert len(text.encode()) <= limit
    assert text.startswith("# ❌ Kubernetes DNS conformance: failure\n")
    assert re.search(r"… \d+ more parts would not fit here: see results\.jsonl\n\n$", text)
    assert text.count("<details>") == text.count("</details>")


def test_a_summary_for_which_there_is_no_room_is_left_out() -> None:
    assert summary.markdown(many(1), 0) == ""


def test_the_text_of_one_result_does_not_crowd_out_the_others() -> None:
    text = summary.markdown(many(1))
    assert "… 21019 more characters in results.jsonl\n```\n" in text
