"""The matrix: what counts as a problem, and how the page tells what differs."""

from __future__ import annotations

from kube_dns_conformance.clusters import coredns
from kube_dns_conformance.results import Verdict
from tools.matrix import IMPLEMENTATIONS, Implementation, Row, page

PLAIN = Implementation("plain")
ODD = Implementation("odd", differs={"ttl.*": "RFC 1123 6.1: zero is for what may be used once"})
GOOD, BAD, UNKNOWN = Verdict.CONFORMANT, Verdict.NONCONFORMANT, Verdict.UNKNOWN


def test_what_is_declared_has_to_be_seen_and_what_is_seen_declared() -> None:
    assert Row(PLAIN, {"a.b": GOOD}, 1.0).problems() == []
    assert Row(ODD, {"a.b": GOOD, "ttl.zero": BAD}, 1.0).problems() == []
    assert Row(PLAIN, {"a.b": BAD}, 1.0).problems() == ["a.b is nonconformant, which nobody declared"]
    assert Row(ODD, {"a.b": GOOD}, 1.0).problems() == [
        "declared, and not seen: RFC 1123 6.1: zero is for what may be used once"
    ]
    assert Row(PLAIN, {"a.b": UNKNOWN}, 1.0).problems() == ["a.b could not be judged"]


def test_the_page_shows_what_differs_and_why() -> None:
    text = page([Row(PLAIN, {"a.b": GOOD, "ttl.zero": GOOD}, 9.0), Row(ODD, {"a.b": GOOD, "ttl.zero": BAD}, 8.0)], 60.0)
    assert "| plain | 2 | 0 | 0 | 9 |" in text
    assert "| odd | nonconformant | `ttl.zero` | RFC 1123 6.1: zero is for what may be used once |" in text
    assert "`a.b`" not in text


def test_every_edit_fits_our_corefile_and_every_clause_is_a_sentence() -> None:
    for one in IMPLEMENTATIONS:
        assert one.edit(coredns.ours())
        assert all(": " in clause for clause in one.differs.values())
    assert len({one.name for one in IMPLEMENTATIONS}) == len(IMPLEMENTATIONS)


def test_the_report_of_a_configuration_has_a_folder_of_its_own() -> None:
    folders = {one.name: one.configuration for one in IMPLEMENTATIONS}
    assert (folders["CoreDNS 1.11.4"], folders["ttl 0 without cache"]) == ("", "ttl-0-without-cache")
    assert len({(one.version, one.configuration) for one in IMPLEMENTATIONS}) == len(IMPLEMENTATIONS)
