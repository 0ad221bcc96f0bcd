"""Comparing: what must be there, what came back, and the difference in words."""

from __future__ import annotations

import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance.dns.compare import (
    Choice,
    Difference,
    Expected,
    alias,
    at_least,
    difference,
    exactly,
    is_right,
    no_data,
    no_such_name,
    nothing,
)
from kube_dns_conformance.dns.model import Answer, Question, Record, Records, normal
from observations import WEB, seen, silent

SRV = Question("_http._tcp.web.shop.svc.cluster.local.", "SRV")
ADDRESSES = st.ip_addresses().map(str)
SETS = st.sets(ADDRESSES, min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("expected", "answer", "words"),
    [
        (exactly(["10.0.0.1"]), seen("10.0.0.1"), ""),
        (exactly(["10.0.0.1"]), seen(), "missing 10.0.0.1"),
        (exactly(["10.0.0.1"]), seen("10.0.0.1", "10.0.0.2"), "not expected 10.0.0.2"),
        (exactly(["10.0.0.1"]), seen("10.0.0.2"), "missing 10.0.0.1; not expected 10.0.0.2"),
        (exactly(["10.0.0.1"]), seen("10.0.0.1", "10.0.0.1"), "repeated 10.0.0.1"),
        (exactly(["10.0.0.1"]), seen(rcode="NXDOMAIN"), "NXDOMAIN instead of NOERROR; missing 10.0.0.1"),
        (exactly(["10.0.0.1"]), seen("10.0.0.1", rcode="SERVFAIL"), "SERVFAIL instead of NOERROR; missing 10.0.0.1"),
        (exactly(["10.0.0.1"]), seen("10.0.0.1", truncated=True), "truncated"),
        (exactly(["10.0.0.1"]), silent(), "no answer within 2 s"),
        (at_least(["10.0.0.1"]), seen("10.0.0.1", "10.0.0.2"), ""),
        (at_least(["10.0.0.1"]), seen("10.0.0.2"), "missing 10.0.0.1"),
        (at_least(["10.0.0.1"]), seen("10.0.0.1", "10.0.0.2", "10.0.0.2"), "repeated 10.0.0.2"),
        (no_such_name(), seen(rcode="NXDOMAIN"), ""),
        (no_such_name(), seen(), "NOERROR instead of NXDOMAIN"),
        (no_such_name(), seen("10.0.0.1"), "NOERROR instead of NXDOMAIN; not expected 10.0.0.1"),
        (no_such_name(), seen("10.0.0.1", rcode="NXDOMAIN"), "not expected 10.0.0.1"),
        (no_such_name(), seen(rcode="SERVFAIL"), "SERVFAIL instead of NXDOMAIN"),
        (no_data(), seen(), ""),
        (no_data(), seen("10.0.0.1"), "not expected 10.0.0.1"),
        (no_data(), seen(rcode="NXDOMAIN"), "NXDOMAIN instead of NOERROR"),
    ],
)
def test_an_answer_differs_in_these_words(expected: Expected, answer: Answer, words: str) -> None:
    found = difference(expected, answer)
    assert str(found) == words
    assert bool(found) is bool(words)


@pytest.mark.parametrize(
    "stranger",
    [Record("web-1.shop.svc.cluster.local.", "A", 5, "10.0.0.1"), Record(WEB.name, "AAAA", 5, "fd00::1")],
)
def test_a_record_of_another_name_or_type_is_not_counted_for_this_one(stranger: Record) -> None:
    answer = Answer(WEB, seen().server, "udp", 0.0, 0.0, "NOERROR", records=Records([stranger]))
    assert str(difference(exactly(["10.0.0.1"]), answer)) == (
        f"missing 10.0.0.1; not expected {stranger.name} {stranger.rdtype} {stranger.rdata}"
    )


def test_web_1_is_not_web_10() -> None:
    expected = exactly(["80 web-1.web.shop.svc.cluster.local."])
    answer = seen("0 0 80 web-10.web.shop.svc.cluster.local.", question=SRV)
    assert difference(expected, answer).missing == ("80 web-1.web.shop.svc.cluster.local.",)


@given(
    st.sampled_from([exactly(["10.0.0.1", "10.0.0.2"]), at_least(["10.0.0.1"]), no_such_name(), no_data(), nothing()]),
    st.lists(st.tuples(st.sampled_from([WEB.name, "other."]), st.sampled_from(["A", "CH A"]), st.integers(1, 3))),
    st.sampled_from([("NOERROR", None), ("NXDOMAIN", None), ("SERVFAIL", None), (None, "no answer within 2 s")]),
    st.booleans(),
)
def test_whether_there_is_a_difference_is_told_as_when_it_is_looked_for(
    expected: Expected,
    said: list[tuple[str, str, int]],
    how: tuple[str | None, str | None],
    truncated: bool,
) -> None:
    records = Records(Record(name, rdtype, 5, f"10.0.0.{last}") for name, rdtype, last in said)
    answer = Answer(WEB, seen().server, "udp", 0.0, 0.0, *how, truncated, records)
    assert is_right(expected, answer) is not bool(difference(expected, answer))
    plainly = how == ("NOERROR", None) and not truncated and all(one[:2] == (WEB.name, "A") for one in said)
    if plainly and len(set(said)) == len(said) and expected.kind == "exactly":
        assert is_right(expected, answer) is ({last for _, _, last in said} == {1, 2})


@pytest.mark.parametrize("rdata", ["0 100 80 web.shop.", "65535 0 80 web.shop.", "0 33 80 web.shop."])
def test_weight_and_priority_of_an_srv_record_do_not_matter(rdata: str) -> None:
    assert not difference(exactly(["80 WEB.shop."]), seen(rdata, question=SRV))


def test_port_and_target_of_an_srv_record_do_matter() -> None:
    found = difference(exactly(["80 web.shop."]), seen("0 100 81 web.shop.", question=SRV))
    assert found == Difference(missing=("80 web.shop.",), extra=("81 web.shop.",))


def test_the_ttl_does_not_matter() -> None:
    assert not difference(exactly(["10.0.0.1"]), seen("10.0.0.1", ttl=0))


@pytest.mark.parametrize("make", [exactly, at_least])
def test_an_expectation_of_no_record_has_to_say_which_kind(make: type[Expected]) -> None:
    with pytest.raises(ValueError, match="needs at least one record"):
        make([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (exactly(["10.0.0.10", "10.0.0.9"]), "10.0.0.9 10.0.0.10"),
        (at_least(["b.test.", "A.test."]), "at least a.test. b.test."),
        (no_such_name(), "NXDOMAIN"),
        (no_data(), "NOERROR without records"),
    ],
)
def test_an_expectation_reads_like_this(expected: Expected, text: str) -> None:
    assert str(expected) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("FD00:0:0:0:0:0:0:1", "fd00::1"),
        ("fd00::0001", "fd00::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("Web.Shop.", "web.shop."),
    ],
)
def test_addresses_and_names_have_one_normal_form(text: str, canonical: str) -> None:
    assert normal(text) == canonical


@given(st.text("0123456789abfABF.:%-_zZİΣß") | ADDRESSES)
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    assert normal(normal(text)) == normal(text)


@given(st.ip_addresses(v=6))
def test_every_spelling_of_an_address_is_the_same_expectation(address: ipaddress.IPv6Address) -> None:
    spellings = [str(address), address.exploded, address.exploded.upper()]
    assert len({exactly([one]) for one in spellings}) == 1
    assert Record("web.", "AAAA", 5, address.exploded).value == str(address)


@given(SETS, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(addresses: set[str], chance: random.Random) -> None:
    shuffled = sorted(addresses)
    chance.shuffle(shuffled)
    assert not difference(exactly(addresses), seen(*shuffled))


@given(SETS, st.randoms(use_true_random=False))
def test_the_case_of_letters_does_not_matter(addresses: set[str], chance: random.Random) -> None:
    def mixed(text: str) -> str:
        return "".join(chance.choice([one.upper(), one.lower()]) for one in text)

    assert not difference(exactly(map(mixed, addresses)), seen(*map(mixed, addresses)))


@given(SETS, st.data())
def test_a_duplicate_is_told_and_nothing_else(addresses: set[str], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(sorted(addresses)))
    assert difference(exactly(addresses), seen(*addresses, twice)) == Difference(repeated=(twice,))


@given(SETS, SETS)
def test_what_differs_is_exactly_the_two_set_differences(wanted: set[str], given_back: set[str]) -> None:
    found = difference(exactly(wanted), seen(*given_back))
    assert (set(found.missing), set(found.extra)) == (wanted - given_back, given_back - wanted)
    assert bool(found) is (wanted != given_back)


@given(SETS, SETS)
def test_at_least_asks_for_no_more_than_exactly(wanted: set[str], given_back: set[str]) -> None:
    found = difference(at_least(wanted), seen(*given_back))
    assert found == Difference(missing=difference(exactly(wanted), seen(*given_back)).missing)


BELOW = "web.shop.svc.cluster.local."
SOME_LABEL = frozenset({f"80 *.{BELOW}"})


@pytest.mark.parametrize(
    ("expected", "said", "words"),
    [
        (at_least([], [Choice(SOME_LABEL, 2)]), [f"0 1 80 a.{BELOW}", f"0 1 80 b.{BELOW}"], ""),
        (at_least([], [Choice(SOME_LABEL, 2)]), [f"0 1 80 a.{BELOW}"], f"missing 1 of 2 × 80 *.{BELOW}"),
        (at_least([], [Choice(SOME_LABEL)]), [f"0 1 80 {BELOW}"], f"missing 80 *.{BELOW}"),
        (at_least([], [Choice(SOME_LABEL)]), [f"0 1 80 a.b.{BELOW}"], f"missing 80 *.{BELOW}"),
        (at_least([f"80 a.{BELOW}"], [Choice(SOME_LABEL)]), [f"0 1 80 a.{BELOW}"], f"missing 80 *.{BELOW}"),
        (exactly([f"80 a.{BELOW}"], [Choice(SOME_LABEL)]), [f"0 1 80 a.{BELOW}", f"0 1 80 x.{BELOW}"], ""),
        (
            exactly([], [Choice(frozenset({f"80 a.{BELOW}", f"8080 a.{BELOW}"}))]),
            [f"0 1 81 a.{BELOW}"],
            f"missing 80 a.{BELOW} or 8080 a.{BELOW}; not expected 81 a.{BELOW}",
        ),
    ],
)
def test_what_is_left_to_the_server_counts_once_it_is_one_of_the_choices(
    expected: Expected, said: list[str], words: str
) -> None:
    assert str(difference(expected, seen(*said, question=SRV))) == words


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_nothing_is_nothing_whether_the_name_exists_or_not(rcode: str) -> None:
    assert not difference(nothing(), seen(rcode=rcode))
    assert str(difference(nothing(), seen("10.0.0.1", rcode=rcode))) == "not expected 10.0.0.1"


def test_a_failure_is_not_nothing() -> None:
    assert str(difference(nothing(), seen(rcode="SERVFAIL"))) == "SERVFAIL instead of NOERROR"


CNAME = Record(WEB.name, "CNAME", 5, "db.example.")
OTHER = Record(WEB.name, "CNAME", 5, "other.example.")
ADDRESS = Record("db.example.", "A", 5, "10.0.0.1")


@pytest.mark.parametrize(
    ("expected", "records", "words"),
    [
        (alias("db.example."), (CNAME,), ""),
        (alias("DB.example."), (CNAME, ADDRESS), ""),
        (alias("db.example.", ["10.0.0.1"]), (CNAME, ADDRESS), ""),
        (alias("db.example.", ["10.0.0.1"]), (ADDRESS, CNAME), ""),
        (alias("db.example.", ["10.0.0.1"]), (CNAME,), "missing 10.0.0.1"),
        (alias("db.example.", ["10.0.0.2"]), (CNAME, ADDRESS), "missing 10.0.0.2; not expected 10.0.0.1"),
        (alias("other.example."), (CNAME,), "missing other.example.; not expected db.example."),
        (alias("db.example."), (), "missing db.example."),
        (
            alias("db.example."),
            (Record(WEB.name, "A", 5, "10.0.0.1"),),
            "missing db.example.",
        ),
        (
            alias("db.example."),
            (CNAME, Record("elsewhere.example.", "A", 5, "10.0.0.9")),
            "not expected elsewhere.example. A 10.0.0.9",
        ),
        (alias("db.example."), (CNAME, CNAME), f"repeated {WEB.name} CNAME db.example."),
        (alias("db.example."), (CNAME, OTHER), f"not expected {WEB.name} CNAME other.example."),
        (alias("db.example."), (OTHER, CNAME), f"not expected {WEB.name} CNAME other.example."),
        (
            alias("db.example."),
            (
                CNAME,
                Record("db.example.", "CNAME", 5, "db2.example."),
                Record("db.example.", "CNAME", 5, "db3.example."),
            ),
            "not expected db.example. CNAME db3.example.",
        ),
        (
            alias("db.example.", ["10.0.0.1"]),
            (CNAME, Record("db.example.", "CNAME", 5, "db2.example."), Record("db2.example.", "A", 5, "10.0.0.1")),
            "",
        ),
        (alias("db.example."), (CNAME, Record("db.example.", "CNAME", 5, WEB.name)), ""),
    ],
)
def test_an_alias_is_followed_to_its_end(expected: Expected, records: tuple[Record, ...], words: str) -> None:
    answer = Answer(WEB, seen().server, "udp", 0.0, 0.0, "NOERROR", records=Records(records))
    assert str(difference(expected, answer)) == words


def test_the_name_behind_an_alias_may_not_exist_unless_it_must() -> None:
    answer = Answer(WEB, seen().server, "udp", 0.0, 0.0, "NXDOMAIN", records=Records([CNAME]))
    assert not difference(alias("db.example."), answer)
    assert difference(alias("db.example.", ["10.0.0.1"]), answer)


def test_expectations_are_said_in_words() -> None:
    assert str(exactly(["10.0.0.1"], [Choice(SOME_LABEL, 2)])) == f"10.0.0.1, 2 × 80 *.{BELOW}"
    assert str(at_least([], [Choice(frozenset({"a.", "b."}))])) == "at least a. or b."
    assert str(alias("db.example.", ["10.0.0.1"])) == "CNAME db.example. and 10.0.0.1"
    assert str(nothing()) == "no record"
