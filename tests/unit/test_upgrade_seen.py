"""What a watch during an upgrade has shown, read from its lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance.upgrade.seen import Path, Seen, Spell, read

Row = dict[str, Any]
WEB = "web.shop.svc.cluster.local."
HEAD: Row = {"kind": "watch", "began": 100.0, "slot": 0.5, "propagation": 10.0, "announced": 30.0}
SERVERS: list[Row] = [
    {"kind": "server", "name": "kube-dns", "host": "10.96.0.10", "port": 53, "single": False},
    {"kind": "server", "name": "coredns-1", "host": "10.244.0.2", "port": 53, "single": True},
]
CLIENT = Path(WEB, "A", "kube-dns", "udp", "w1")


def seen(
    start: float, end: float, why: str = "right", *, cause: str = "", server: str = "kube-dns", **more: Any
) -> Row:
    """A line: what was answered from one question to another, asked twice a second."""
    told = {"cause": cause or why} if why != "right" else {}
    where = {"name": WEB, "type": "A", "server": server, "transport": "udp", "vantage": "w1"}
    asks = round((end - start) / 0.5) + 1
    return {"kind": "seen", **where, "from": start, "to": end, "asks": asks, "said": why, "state": why, **told, **more}


def watched(*lines: Row) -> Seen:
    return read([HEAD, *SERVERS, *lines])


def spells(*lines: Row) -> list[Spell]:
    return watched(*lines).tracks[CLIENT].spells


def test_an_outage_lasts_until_the_first_question_that_was_answered_rightly_again() -> None:
    found = spells(seen(100, 110), seen(110.5, 112.5, "no answer", cause="timeout"), seen(113, 120))
    assert found == [Spell("timeout", 110.5, 113, "no answer")]
    assert found[0].seconds == 2.5


def test_how_close_it_was_is_said_in_a_line() -> None:
    good, bad = (
        watched(seen(100, 120)),
        (seen(100, 110), seen(110.5, 112.5, "no answer", cause="timeout"), seen(113, 120)),
    )
    assert good.worst() == "the longest time without a right answer was 0.00 s"
    assert watched(*bad).worst() == f"the longest time without a right answer was 2.50 s: {CLIENT}"
    assert watched().worst() == "nothing was asked"


def test_what_was_written_down_bit_by_bit_is_one_row() -> None:
    found = watched(seen(100, 105), seen(105.5, 110), seen(116, 120), seen(120.5, 121, "stale"))
    assert [(row["from"], row["to"], row["asks"]) for row in found.rows[CLIENT]] == [
        (100, 110, 21),
        (116, 120, 9),
        (120.5, 121, 2),
    ]
    assert found.tracks[CLIENT].asks == 32


def test_outages_in_a_row_are_one_stretch_whatever_their_causes() -> None:
    lines = (
        seen(100, 101),
        seen(101.5, 103, "no answer", cause="refused"),
        seen(103.5, 105, "no answer", cause="SERVFAIL"),
        seen(105.5, 106),
        seen(106.5, 107, "no answer", cause="refused"),
        seen(107.5, 108),
    )
    track = watched(*lines).tracks[CLIENT]
    seconds, stretch = track.longest()
    assert (seconds, [one.cause for one in stretch]) == (4.0, ["refused", "SERVFAIL"])
    assert (track.total("refused"), track.total("SERVFAIL"), track.total("timeout")) == (3.0, 2.0, 0.0)


def test_what_nobody_asked_is_neither_good_nor_bad() -> None:
    track = watched(seen(100, 110), seen(140, 150)).tracks[CLIENT]
    assert (track.unknown, track.spells, track.asks) == (29.5, [], 42)


def test_an_outage_does_not_last_into_the_time_in_which_nobody_asked() -> None:
    lines = seen(100, 101), seen(101.5, 102, "no answer", cause="timeout"), seen(130, 131)
    track = watched(*lines).tracks[CLIENT]
    assert (track.spells, track.unknown) == ([Spell("timeout", 101.5, 102, "no answer")], 27.5)


@pytest.mark.parametrize(
    ("changed", "state", "cause", "lag"),
    [
        (110.0, "stale", "stale", True),  # it has its time to follow
        (111.4, "stale", "stale", True),  # DNS had heard of it before the watch
        (60.0, "stale", "stale", False),  # not for ever
        (110.0, "missing", "NXDOMAIN", True),
        (110.0, "wrong", "wrong", False),  # what was never right is nothing to follow
        (110.0, "no answer", "timeout", False),
    ],
)
def test_dns_has_its_time_to_follow_a_change(changed: float, state: str, cause: str, *, lag: bool) -> None:
    truth: Row = {"kind": "truth", "at": changed, "name": WEB, "type": "A", "says": "10.0.0.2"}
    (found,) = spells(truth, seen(100, 110), seen(110.5, 115, state, cause=cause), seen(115.5, 120))
    assert found.lag is lag


def test_its_time_is_the_propagation_budget_and_what_was_announced() -> None:
    truth: Row = {"kind": "truth", "at": 110.0, "name": WEB, "type": "A", "says": "10.0.0.2"}
    end: Row = {"kind": "end", "at": 130.0, "commanded": 112.0, "announced": 5.0, "status": 0}
    (late,) = spells(truth, seen(100, 110), seen(110.5, 125.5, "stale"), seen(126, 130), end)
    (early,) = spells(truth, seen(100, 110), seen(110.5, 124.5, "stale"), seen(125, 130), end)
    assert (late.lag, early.lag) == (False, True)


def test_a_change_of_another_name_is_no_excuse() -> None:
    truth: Row = {"kind": "truth", "at": 110.0, "name": "db.shop.svc.cluster.local.", "type": "A", "says": "10.0.0.2"}
    (found,) = spells(truth, seen(100, 110), seen(110.5, 115, "stale"), seen(115.5, 120))
    assert not found.lag


def test_pods_do_not_ask_replicas_unless_there_is_nothing_else() -> None:
    both = watched(seen(100, 110), seen(100, 110, server="coredns-1"))
    assert [path.server for path in both.clients()] == ["kube-dns"]
    assert len(both.tracks) == 2
    alone = watched(seen(100, 110, server="coredns-1"))
    assert [path.server for path in alone.clients()] == ["coredns-1"]


def test_of_each_node_and_server_the_path_that_suffered_most_is_told() -> None:
    bad = seen(101, 103, "no answer", cause="timeout")
    lines = [
        *(bad, seen(103.5, 110)),
        *(seen(101, 102, "no answer", cause="timeout", vantage="w2"), seen(102.5, 110, vantage="w2")),
    ]
    found = watched(*lines)
    assert {node: dict(causes) for node, causes in found.by("node").items()} == {
        "w1": {"timeout": 2.5},
        "w2": {"timeout": 1.5},
    }
    assert {server: dict(causes) for server, causes in found.by("server").items()} == {"kube-dns": {"timeout": 2.5}}


def test_a_watch_that_was_killed_has_no_end() -> None:
    assert watched(seen(100, 110)).end is None
    end = {"kind": "end", "at": 120.0, "commanded": 110.0, "status": 0}
    assert watched(seen(100, 110), end).end == end


STATES = ["right", "stale", "wrong", "missing", "no answer"]


@given(st.lists(st.tuples(st.sampled_from(STATES), st.integers(1, 20), st.integers(1, 60)), min_size=1, max_size=12))
def test_right_not_right_and_unknown_are_all_the_time(parts: list[tuple[str, int, int]]) -> None:
    """Each slot of the time from the first question to the last belongs to exactly one of the three."""
    lines, at = [], 0
    for state, slots, pause in parts:
        lines.append(seen(at / 2, (at + slots) / 2, state))
        at += slots + pause
    track = watched(*lines).tracks[CLIENT]
    gaps = [pause / 2 - 0.5 for _, _, pause in parts[:-1] if pause / 2 > 5.0]
    assert track.unknown == pytest.approx(sum(gaps))
    bad = sum(one.seconds for one in track.spells)
    assert 0 <= bad <= track.end - track.start - track.unknown + 0.5 * len(parts)
    assert track.longest()[0] <= bad
    if all(state == "right" for state, _, _ in parts):
        assert track.spells == []
