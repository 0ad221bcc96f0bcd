"""The picture of a timeline: what is in which place and colour, and that nothing a server says can leave its text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given

from kube_dns_conformance.reports.picture import LANES_SHOWN, picture
from reports_samples import HOSTILE, SEGMENT, SOUP

SVG = "{http://www.w3.org/2000/svg}"
EVENT = {"at": 101.0, "kind": "Pod", "name": "web-1", "what": "is gone", "own": {}}
OBSERVER = {"name": "agent on node a", "slot": 0.05, "slots": 40, "missed": 1, "ahead": 0.25, "error": 0.001}


def row(state: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return SEGMENT | {"state": state, "from": start, "to": end} | more


def drawn(*rows: dict[str, Any], **change: Any) -> ET.Element:
    text = picture({"timeline": list(rows)} | change)
    assert text is not None
    return ET.fromstring(text)


def bars(svg: ET.Element) -> list[tuple[str, float, float, str]]:
    """Colour, start, width and title of what the lanes show, without the legend."""
    found = [one for one in svg.iter(f"{SVG}rect") if float(one.attrib["y"]) > 28]
    return [
        (one.attrib["fill"], float(one.attrib["x"]), float(one.attrib["width"]), one.findtext(f"{SVG}title") or "")
        for one in found
    ]


def texts(svg: ET.Element) -> list[str]:
    return [one.text or "" for one in svg.iter(f"{SVG}text")]


def test_nothing_is_drawn_of_what_was_compared_with_no_truth() -> None:
    assert picture({"timeline": [SEGMENT]}) is None
    assert picture({}) is None


def test_a_lane_shows_each_state_in_its_colour_until_something_else_was_seen() -> None:
    svg = drawn(row("right", 100.0, 101.9), row("stale", 102.0, 103.9), row("right", 104.0, 110.0), began=101.0)
    assert bars(svg) == [
        ("#009e73", 310.0, 174.0, "right: NOERROR 10.0.0.2\n-1.00 s to +0.90 s, 31 asked"),
        ("#e69f00", 484.0, 174.0, "stale: NOERROR 10.0.0.2\n+1.00 s to +2.90 s, 31 asked"),
        ("#009e73", 658.0, 522.0, "right: NOERROR 10.0.0.2\n+3.00 s to +9.00 s, 31 asked"),
    ]
    assert "web.shop.svc.cluster.local. A" in texts(svg)
    assert "dns-0/udp" in texts(svg)


def test_a_lane_for_each_server_and_transport() -> None:
    svg = drawn(*(row("right", 0.0, 1.0, server=one, transport=how) for one in ("a", "b") for how in ("udp", "tcp")))
    assert [one for one in texts(svg) if "/" in one] == ["a/tcp", "a/udp", "b/tcp", "b/udp"]
    assert len(bars(svg)) == 4


def test_a_lane_for_each_place_that_is_asked_from() -> None:
    svg = drawn(*(row("right", 0.0, 1.0, vantage=one) for one in ("node-b", "node-a")))
    assert [one for one in texts(svg) if "/" in one] == ["dns-0/udp from node-a", "dns-0/udp from node-b"]


def test_the_end_of_a_long_name_tells_lanes_apart() -> None:
    long = {"server": "coredns-589f44dc88-l74bd", "transport": "tcp"}
    svg = drawn(*(row("right", 0.0, 1.0, vantage=f"tests-3016-{one}", **long) for one in ("worker", "worker2")))
    assert [one for one in texts(svg) if "/" in one] == [
        "…589f44dc88-l74bd/tcp from tests-3016-worker",
        "…89f44dc88-l74bd/tcp from tests-3016-worker2",
    ]


def test_nodes_whose_names_end_alike_are_told_apart() -> None:
    nodes = [f"ip-192-168-{one}.eu-west-1.compute.internal" for one in ("12-34", "99-1")]
    svg = drawn(*(row("right", 0.0, 1.0, vantage=one) for one in nodes))
    labels = [one for one in svg.iter(f"{SVG}text") if one.findtext(f"{SVG}title")]
    assert [one.text for one in labels] == ["dns-0/udp from ip-192-168-12-34", "dns-0/udp from ip-192-168-99-1"]
    assert [one.findtext(f"{SVG}title") for one in labels] == [f"dns-0/udp from {one}" for one in nodes]


def test_marks_are_bounded_in_number_and_length() -> None:
    events = [EVENT | {"at": 100.0 + number / 100, "what": "x" * 10_000} for number in range(2000)]
    svg = drawn(row("right", 100.0, 200.0), events=events, began=100.0)
    assert len(ET.tostring(svg)) < 1_000_000


def test_of_many_lanes_those_that_were_not_right_are_shown() -> None:
    rows = [row("right", 0.0, 1.0, server=f"a-{number}") for number in range(95)]
    svg = drawn(*rows, row("stale", 0.0, 1.0, server="z"))
    lanes = [one for one in texts(svg) if one.endswith("/udp")]
    assert (len(lanes), lanes[0]) == (90, "z/udp")
    assert "… 6 more lanes in results.jsonl" in texts(svg)


def test_every_event_is_a_mark_and_those_that_are_not_told_are_counted() -> None:
    svg = drawn(
        row("right", 100.0, 200.0), events=[EVENT | {"at": 100.0 + number} for number in range(50)], began=100.0
    )
    assert sum(one.attrib["class"] == "mark" for one in svg.iter(f"{SVG}line")) == 50
    assert sum(one.endswith("Pod web-1: is gone") for one in texts(svg)) == 40
    assert "… 10 more, until +49.00 s" in texts(svg)


def test_the_axis_says_what_time_it_was() -> None:
    assert "0 s is 00:01:40.5 UTC, when it began" in texts(drawn(row("right", 100.0, 102.0), began=100.5))


def test_the_changes_of_the_objects_are_marks_on_the_same_axis() -> None:
    svg = drawn(row("right", 100.0, 102.0), events=[EVENT, EVENT | {"at": 99.0}], began=100.5, observers=[OBSERVER])
    marks = [one for one in svg.iter(f"{SVG}line") if one.attrib["class"] == "mark"]
    assert [(one.attrib["x1"], one.findtext(f"{SVG}title")) for one in marks] == [
        ("745", "+0.50 s  Pod web-1: is gone")
    ]
    assert "+0.50 s  Pod web-1: is gone" in texts(svg)
    assert texts(svg)[-1] == (
        "watched from agent on node a, once in 0.05 s; 1 of 40 slots missed; its clock +0.250 s ± 0.001 s"
    )


def test_the_axis_counts_from_the_change() -> None:
    svg = drawn(row("right", 98.0, 104.0), began=100.0, settled=101.5, deadline=103.0)
    assert [one for one in texts(svg) if one.endswith(" s")] == ["-2 s", "-1 s", "0 s", "1 s", "2 s", "3 s", "4 s"]
    limits = [one.findtext(f"{SVG}title") for one in svg.iter(f"{SVG}line") if one.attrib["class"] == "limit"]
    assert limits == ["settled, +1.50 s", "deadline, +3.00 s"]


def test_of_very_many_lanes_it_says_how_many_are_left_out() -> None:
    svg = drawn(*(row("right", 0.0, 1.0, name=f"web-{at}.") for at in range(LANES_SHOWN + 7)))
    assert len(bars(svg)) == LANES_SHOWN
    assert "… 7 more lanes in results.jsonl" in texts(svg)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_server_says_stays_text(text: str) -> None:
    svg = drawn(row("wrong", 0.0, 1.0, said=text, name=text, server=text), events=[EVENT | {"name": text, "at": 0.5}])
    assert {one.tag for one in svg.iter()} == {
        f"{SVG}{tag}" for tag in ("svg", "title", "style", "rect", "text", "line")
    }


@given(SOUP)
def test_whatever_it_says_the_picture_can_be_read(text: str) -> None:
    assert drawn(row("missing", 0.0, 1.0, said=text, name=text)).tag == f"{SVG}svg"
