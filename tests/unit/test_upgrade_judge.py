"""The requirements of an upgrade, judged from what its phases left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kube_dns_conformance.clusters.base import Capability
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.judge import Nonconformant
from kube_dns_conformance.reports import metrics
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.upgrade.budget import LIES, SILENCES, Budget
from kube_dns_conformance.upgrade.seen import read
from kube_dns_conformance.upgrade.upgraded import Judge, Upgraded
from unit.test_upgrade_difference import BEFORE
from unit.test_upgrade_seen import HEAD, SERVERS, seen

Row = dict[str, Any]
DRAIN: Row = {"kind": "mark", "at": 104.0, "of": "Node", "name": "w1", "what": "kubelet v1.36.3, ready, cordoned"}
END: Row = {"kind": "end", "at": 130.0, "commanded": 120.0, "announced": 30.0, "status": 0}
WHERE = "web.shop.svc.cluster.local. A at kube-dns/udp from node w1"


def judge(name: str, *lines: Row, after: Any = BEFORE, budget: Budget | None = None) -> Judge:
    upgraded = Upgraded(BEFORE, after, read([HEAD, *SERVERS, DRAIN, *lines]), budget or Budget())
    return Judge(catalogue()[f"upgrade.{name}"], upgraded)


def said(caught: pytest.ExceptionInfo[Nonconformant]) -> list[str]:
    return str(caught.value).splitlines()


SIX_SECONDS = (
    seen(100, 105),
    seen(105.5, 108, "no answer", cause="timeout"),
    seen(108.5, 111, "no answer", cause="SERVFAIL"),
    seen(111.5, 120),
)


def test_a_stretch_beyond_the_budget_is_told_with_where_and_when_and_after_what() -> None:
    with pytest.raises(Nonconformant) as caught:
        judge("answers.in-time", *SIX_SECONDS, END).never_longer()
    assert said(caught) == [
        (
            "NONCONFORMANT upgrade.answers.in-time (2, MUST): no right answer for 6.00 s (timeout, SERVFAIL), "
            f"5 s are allowed: {WHERE}"
        ),
        "  where     1 of 1 paths: web.shop.svc.cluster.local. A, at kube-dns/udp, from node w1",
        "  when      00:01:45.5 UTC to 00:01:51.5 UTC, 5.5 s to 11.5 s after the watch began",
        "  meanwhile 00:01:44.0 UTC, Node w1: kubelet v1.36.3, ready, cordoned",
        "  got       no answer",
    ]


def test_what_became_of_dns_replicas_meanwhile_is_told_before_anything_else() -> None:
    def replica(at: float, name: str, what: str) -> Row:
        return {"kind": "mark", "at": at, "of": "DNS replica", "name": name, "what": what}

    gone, ready = "is not ready any more", "is ready at 10.244.2.32"
    around = [replica(105.0, "a", gone), replica(106.0, "b", gone), replica(111.0, "c", ready)]
    with pytest.raises(Nonconformant) as caught:
        judge("answers.in-time", *SIX_SECONDS, *around, replica(95.4, "d", gone), END).never_longer()
    assert said(caught)[3:6] == [
        "  meanwhile 00:01:45.0 UTC, DNS replica a: is not ready any more",
        "  meanwhile 00:01:46.0 UTC, DNS replica b: is not ready any more",
        "  meanwhile 00:01:51.0 UTC, DNS replica c: is ready at 10.244.2.32",
    ]
    with pytest.raises(Nonconformant) as caught:
        judge("answers.in-time", *SIX_SECONDS, *around * 3, END).never_longer()
    assert said(caught)[11] == "  meanwhile 1 more"


def test_paths_that_pods_do_not_take_are_not_counted() -> None:
    lines = *SIX_SECONDS, seen(100, 120, server="coredns-1")
    with pytest.raises(Nonconformant) as caught:
        judge("answers.in-time", *lines, END).never_longer()
    assert said(caught)[1].startswith("  where     1 of 1 paths that Pods take: web.shop.svc.cluster.local. A, at kube")


def test_what_the_budget_allows_is_allowed() -> None:
    one = judge("answers.in-time", *SIX_SECONDS, END, budget=Budget(longest=6.0))
    one.never_longer()
    (change,) = one.evidence.as_data()["changes"]
    assert change["rules"] == ["never longer than 6 s without a right answer"]
    assert [window["longest"] for window in change["windows"]] == [6.0]
    assert [event["what"] for event in change["events"]] == ["kubelet v1.36.3, ready, cordoned"]


def test_what_it_cost_is_a_metric_too() -> None:
    one = judge("answers.in-time", *SIX_SECONDS, END, budget=Budget(longest=6.0))
    one.never_longer()
    of_it = Result("upgrade.answers.in-time", "test", Verdict.CONFORMANT, "", "", 130.0, 0.0, one.evidence.as_data())
    text = metrics.text(Results({}, [of_it]))
    assert 'kube_dns_conformance_upgrade_not_right_seconds{cause="timeout"} 3.0\n' in text
    assert 'kube_dns_conformance_upgrade_not_right_seconds{cause="SERVFAIL"} 3.0\n' in text
    assert 'kube_dns_conformance_upgrade_not_right_seconds{cause="NXDOMAIN"} 0.0\n' in text


def test_each_cause_has_its_own_budget() -> None:
    budget = Budget(60.0, {"timeout": 2.5, "SERVFAIL": 3.0})
    with pytest.raises(Nonconformant) as caught:
        judge("answers.within-budget", *SIX_SECONDS, END, budget=budget).never(SILENCES, everywhere=False)
    first = "NONCONFORMANT upgrade.answers.within-budget (2, SHOULD): timeout for 3.00 s, 2.5 s are allowed: "
    assert said(caught)[0] == first + WHERE


def test_without_a_budget_of_its_own_no_silence_is_counted() -> None:
    judge("answers.within-budget", *SIX_SECONDS, END).never(SILENCES, everywhere=False)


def test_a_lie_is_worse_than_silence_however_short_and_whoever_tells_it() -> None:
    lines = (
        seen(100, 120),
        seen(100, 104, server="coredns-1"),
        seen(104.5, 104.5, "missing", cause="NXDOMAIN", server="coredns-1"),
        seen(105, 120, server="coredns-1"),
    )
    with pytest.raises(Nonconformant) as caught:
        judge("answers.true", *lines, END).never(LIES, everywhere=True)
    assert "NXDOMAIN for 0.50 s, 0 s are allowed: web.shop.svc.cluster.local. A at coredns-1/udp" in said(caught)[0]


def test_a_silent_replica_harms_nobody_whose_pods_ask_the_service() -> None:
    lines = seen(100, 120), seen(100, 104, server="coredns-1"), seen(104.5, 120, "no answer", server="coredns-1")
    judge("answers.in-time", *lines, END).never_longer()


def test_a_node_without_an_agent_is_unknown() -> None:
    end = END | {"unwatched": ["w3"]}
    with pytest.raises(ClusterError, match="nobody asked from node w3: what was answered there is not known"):
        judge("answers.in-time", seen(100, 120), end).never_longer()


def test_many_paths_are_counted() -> None:
    nodes = [f"w{number}" for number in range(1, 9)]
    lines = [
        one
        for node in nodes
        for one in (seen(100, 105, vantage=node), seen(105.5, 120, "no answer", cause="timeout", vantage=node))
    ]
    with pytest.raises(Nonconformant) as caught:
        judge("answers.in-time", *lines, END).never_longer()
    assert said(caught)[0].endswith("web.shop.svc.cluster.local. A at kube-dns/udp from node w1 and 7 more paths")
    assert said(caught)[1] == (
        "  where     8 of 8 paths: web.shop.svc.cluster.local. A, at kube-dns/udp, from node w1, w2, w3, w4 and 4 more"
    )


def test_from_when_to_when_it_lasted_is_evidence() -> None:
    one = judge("answers.in-time", *SIX_SECONDS, END)
    with pytest.raises(Nonconformant):
        one.never_longer()
    assert one.evidence.as_data()["wrong"] == [105.5, 111.5]


def test_what_was_wrong_again_later_is_told_as_well() -> None:
    again = seen(121, 122, "no answer", cause="timeout"), seen(122.5, 130)
    with pytest.raises(Nonconformant) as caught:
        judge("answers.in-time", *SIX_SECONDS, *again, END).never_longer()
    assert said(caught)[4] == "  in all    7.50 s there, in 2 stretches, and again until 00:02:02.5 UTC"


def test_what_took_longest_of_it_is_named_first_and_shown() -> None:
    lines = (
        seen(100, 105),
        seen(105.5, 106, "connection refused", cause="refused"),
        seen(106.5, 112, "no answer within 2 s", cause="timeout"),
        seen(112.5, 130),
    )
    with pytest.raises(Nonconformant) as caught:
        judge("answers.in-time", *lines, END).never_longer()
    assert "no right answer for 7.00 s (timeout, refused), 5 s are allowed" in said(caught)[0]
    assert said(caught)[-1] == "  got       no answer within 2 s"


def test_without_anything_around_it_the_last_that_happened_before_is_told() -> None:
    lines = seen(100, 115), seen(115.5, 121, "no answer", cause="timeout"), seen(121.5, 130)
    with pytest.raises(Nonconformant) as caught:
        judge("answers.in-time", *lines, END).never_longer()
    assert said(caught)[3] == "  before    00:01:44.0 UTC, Node w1: kubelet v1.36.3, ready, cordoned"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "nothing was asked while the upgrade went on"),
        ((seen(100, 120),), "the watch did not reach its end: what came after it is not known"),
        ((seen(100, 104), seen(119, 120), END), f"of 20 s 14 s were not watched: {WHERE}"),
    ],
)
def test_what_was_not_watched_is_not_said_to_be_good(lines: tuple[Row, ...], why: str) -> None:
    with pytest.raises(ClusterError) as caught:
        judge("answers.in-time", *lines).never_longer()
    assert str(caught.value) == why


def test_a_node_that_nobody_asked_from_any_more_is_missed_unless_it_has_gone() -> None:
    stayed = END | {"nodes": ["w1"]}
    with pytest.raises(ClusterError, match=f"of 30 s 20 s were not watched: {WHERE}"):
        judge("answers.in-time", seen(100, 110), stayed).never_longer()
    judge("answers.in-time", seen(100, 120), stayed).never_longer()
    judge("answers.in-time", seen(100, 110), END | {"nodes": ["w2"]}).never_longer()
    replaced = seen(100, 110, server="coredns-1"), seen(100, 120), stayed
    judge("answers.true", *replaced).never(LIES, everywhere=True)


def test_an_address_or_a_zone_that_changed_is_told_with_whom_it_harms() -> None:
    with pytest.raises(Nonconformant) as caught:
        judge("dns.address-kept").same("the addresses", "10.96.0.10", "10.96.0.99", "Pods ask the old one")
    assert said(caught) == [
        (
            "NONCONFORMANT upgrade.dns.address-kept (docs: DNS for Services and Pods, MUST): "
            "the addresses: 10.96.0.10 before, 10.96.0.99 after: Pods ask the old one"
        )
    ]


def test_what_is_served_no_longer_is_named() -> None:
    before, after = BEFORE.features, (Capability.IPV4, Capability.IPV6)
    with pytest.raises(Nonconformant) as caught:
        judge("dns.features-kept").kept("what DNS serves", before, after)
    assert said(caught)[0].endswith("what DNS serves: no longer pod-records")


def test_only_a_record_that_was_right_before_can_have_become_wrong() -> None:
    web, api = "web.shop.svc.cluster.local. A", "api.shop.svc.cluster.local. A"
    text = "NONCONFORMANT clusterip.address (2.3.1, MUST): web.shop A lacks 10.96.7.7"
    was_wrong = replace(BEFORE, wrong={api: "as ever"})
    upgraded = Upgraded(was_wrong, replace(was_wrong, wrong={api: "as ever", web: text}), read([HEAD]), Budget())
    with pytest.raises(Nonconformant) as caught:
        Judge(catalogue()["upgrade.records.kept"], upgraded).no_record_worse()
    first = "NONCONFORMANT upgrade.records.kept (2, MUST): 1 of 1 records are wrong now: web.shop A lacks 10.96.7.7"
    assert said(caught) == [first, text]
    same = Judge(catalogue()["upgrade.records.kept"], replace(upgraded, after=was_wrong))
    same.no_record_worse()
    assert same.evidence.information == [f"wrong before as well: {api}"]
