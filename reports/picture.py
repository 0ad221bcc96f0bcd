"""A timeline as a picture: one lane for each question, server and transport, and the changes of the objects as marks.

SVG that stands alone: nothing is loaded, and no script is in it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET  # only written, never parsed
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby, takewhile
from typing import Any

from kube_dns_conformance.outages import State
from kube_dns_conformance.text import clock, printable

COLOURS = {
    State.RIGHT: "#009e73",
    State.STALE: "#e69f00",
    State.WRONG: "#d55e00",
    State.MISSING: "#0072b2",
    State.NO_ANSWER: "#666666",
}
"""Those of Okabe and Ito, which the colour-blind can tell apart; what was wrong is lower as well, see `HEIGHTS`."""
HEIGHTS = {State.RIGHT: 4, State.STALE: 8, State.WRONG: 12, State.MISSING: 10, State.NO_ANSWER: 6}
STYLE = """
svg { background: #ffffff; font: 12px sans-serif } text { fill: #1a1a1a } line { stroke: #999999 }
.mark { stroke: #1a1a1a; stroke-dasharray: 2 2 } .limit { stroke: #d55e00 }
@media (prefers-color-scheme: dark) {
  svg { background: #1a1a1a } text { fill: #eeeeee } .mark { stroke: #eeeeee }
}
"""
WIDTH, LEFT, RIGHT_EDGE = 1200, 310, 1180
LANE, HEAD, LINE = 14, 18, 15
LANES_SHOWN = 90
EVENTS_SHOWN, MARKS_SHOWN = 40, 1000
LANE_LETTERS, LINE_LETTERS = 44, 190
"""So many fit."""
TICKS = 8
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)

Row = Mapping[str, Any]


def picture(change: Row) -> str | None:
    """A change that was watched, as SVG; None when no answer has a state, since it was compared with no truth."""
    rows = [one for one in change.get("timeline", []) if "state" in one]
    if not rows:
        return None
    return _Drawing(rows, change).text()


def asked_of(one: Row) -> str:
    """Whom a row is of, and from where, when several ask."""
    return f"{one['server']}/{one['transport']}" + (f" from {one['vantage']}" if one.get("vantage") else "")


def happened(event: Row) -> str:
    """An event in words."""
    return f"{event['kind']} {event['name']}".rstrip() + f": {event['what']}"


def watched_from(observer: Row) -> str:
    """Who watched, and how well."""
    return (
        f"watched from {observer['name']}, once in {observer['slot']:g} s; {observer['missed']} of"
        f" {observer['slots']} slots missed; its clock {observer['ahead']:+.3f} s ± {observer['error']:.3f} s"
    )


class _Drawing:
    def __init__(self, rows: Sequence[Row], change: Row) -> None:
        self._change = change
        self._start = min(one["from"] for one in rows)
        self._end = max(*(one["to"] for one in rows), self._start + 0.1)
        self._zero = change.get("began", self._start)
        self._root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "lang": "en"})
        ET.SubElement(self._root, "title").text = "What every DNS server answered while the objects changed"
        ET.SubElement(self._root, "style").text = STYLE
        self._legend()
        bottom = self._lanes(rows)
        self._axis(bottom)
        bottom = self._events(bottom + 2 * LINE)
        self._root.set("viewBox", f"0 0 {WIDTH} {bottom}")
        self._root.set("width", "100%")

    def text(self) -> str:
        return ET.tostring(self._root, encoding="unicode")

    def _legend(self) -> None:
        for at, (state, colour) in enumerate(COLOURS.items()):
            x = 10 + 110 * at
            self._box(x, 12 - HEIGHTS[state] / 2, 24, HEIGHTS[state], colour, str(state))
            self._say(x + 30, 16, str(state))
        self._say(570, 16, "┊ something changed   │ all objects were settled, and the deadline of DNS")

    def _lanes(self, rows: Sequence[Row]) -> int:
        ordered = sorted(rows, key=lambda one: (*_lane(one), one["from"]))
        lanes = [list(group) for _, group in groupby(ordered, key=_lane)]
        if len(lanes) > LANES_SHOWN:  # then those in which something was not right
            lanes.sort(key=lambda lane: all(one["state"] == State.RIGHT for one in lane))
        alike = _same_end({one["vantage"] for one in rows if one.get("vantage")})
        y, before = 28, None
        for lane in lanes[:LANES_SHOWN]:
            if _question(lane[0]) != before:
                before = _question(lane[0])
                y += HEAD
                self._say(10, y, f"{lane[0]['name']} {lane[0]['type']}")
                y += 4
            y += LANE
            self._say(24, y, _in_brief(lane[0], alike), asked_of(lane[0]))
            self._lane(lane, y - 4)
        if len(lanes) > LANES_SHOWN:
            y += HEAD
            self._say(10, y, f"… {len(lanes) - LANES_SHOWN} more lanes in results.jsonl")
        return y + 8

    def _lane(self, lane: Sequence[Row], middle: float) -> None:
        for at, one in enumerate(lane):
            # What was said last is so until something else is seen.
            end = lane[at + 1]["from"] if at + 1 < len(lane) else one["to"]
            state = State(one["state"])
            x, height = self._x(one["from"]), HEIGHTS[state]
            width = max(self._x(end) - x, 1.0)
            when = f"{one['from'] - self._zero:+.2f} s to {one['to'] - self._zero:+.2f} s, {one['asks']} asked"
            self._box(x, middle - height / 2, width, height, COLOURS[state], f"{state}: {one['said']}\n{when}")

    def _axis(self, y: int) -> None:
        step = next((one for one in STEPS if (self._end - self._start) / one <= TICKS), STEPS[-1])
        number = int((self._start - self._zero) / step)
        while self._zero + number * step <= self._end:
            moment = self._zero + number * step
            if moment >= self._start:
                self._line(self._x(moment), y, y + 5, "tick", f"{number * step:g} s")
                self._say(self._x(moment) - 8, y + LINE + 3, f"{number * step:g} s")
            number += 1
        self._say(10, y + LINE + 3, f"0 s is {clock(self._zero)}, when it began")
        for name in ("settled", "deadline"):
            at = self._change.get(name)
            if at is not None and self._start <= at <= self._end:
                self._line(self._x(at), 28, y, "limit", f"{name}, {at - self._zero:+.2f} s")

    def _events(self, y: int) -> int:
        events = [one for one in self._change.get("events", []) if self._start <= one["at"] <= self._end]
        lanes_end = y - 2 * LINE
        for number, one in enumerate(events):
            said = _cut(f"{one['at'] - self._zero:+.2f} s  {happened(one)}", LINE_LETTERS)
            if number < MARKS_SHOWN:
                self._line(self._x(one["at"]), 28, lanes_end, "mark", said)
            if number < EVENTS_SHOWN:
                y += LINE
                self._say(10, y, said)
        if len(events) > EVENTS_SHOWN:
            y += LINE
            self._say(10, y, f"… {len(events) - EVENTS_SHOWN} more, until {events[-1]['at'] - self._zero:+.2f} s")
        for one in self._change.get("observers", []):
            y += LINE
            self._say(10, y + 4, watched_from(one))
        return y + LINE + 4

    def _x(self, moment: float) -> float:
        share: float = (moment - self._start) / (self._end - self._start)
        return round(LEFT + share * (RIGHT_EDGE - LEFT), 1)

    def _box(self, x: float, y: float, width: float, height: float, colour: str, title: str) -> None:
        place = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:.1f}", "height": f"{height:g}", "fill": colour}
        ET.SubElement(ET.SubElement(self._root, "rect", place), "title").text = printable(title)

    def _line(self, x: float, top: float, bottom: float, kind: str, title: str) -> None:
        place = {"x1": f"{x:g}", "x2": f"{x:g}", "y1": f"{top:g}", "y2": f"{bottom:g}", "class": kind}
        ET.SubElement(ET.SubElement(self._root, "line", place), "title").text = printable(title)

    def _say(self, x: float, y: float, text: str, title: str = "") -> None:
        said = ET.SubElement(self._root, "text", {"x": f"{x:g}", "y": f"{y:g}"})
        said.text = printable(text)
        if title not in {"", text}:
            ET.SubElement(said, "title").text = printable(title)


def _same_end(names: Collection[str]) -> int:
    """In how many letters at their end, from a dot on, all these names are alike."""
    if len(names) < 2:
        return 0
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*(name[::-1] for name in names), strict=False))
    end = "".join(letters[0] for letters in alike)
    return end.rfind(".") + 1


def _in_brief(one: Row, alike: int) -> str:
    """Whom a lane is of, in as many letters as fit: the ends of long names, without ``alike`` letters, differ."""
    name = one.get("vantage", "")
    node = f" from {_end(name[: len(name) - alike], LANE_LETTERS // 2)}" if name else ""
    how = f"/{one['transport']}{node}"
    return _end(one["server"], LANE_LETTERS - len(how)) + how


def _end(text: str, most: int) -> str:
    return text if len(text) <= most else f"…{text[1 - most :]}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _question(one: Row) -> tuple[str, str]:
    return one["name"], one["type"]


def _lane(one: Row) -> tuple[str, ...]:
    return (*_question(one), one["server"], one["transport"], one.get("vantage", ""))
