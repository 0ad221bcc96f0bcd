"""What is told to say the same by its bytes says the same when it is read."""

from __future__ import annotations

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import reply
from kube_dns_conformance.agent.alike import alike

QUERY = dns.message.make_query("web.test.", "A").to_wire()
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")


def of(*addresses: str, **more: object) -> bytes:
    return alike(reply(QUERY, *addresses, **more))  # type: ignore[arg-type]


def test_neither_the_id_nor_the_order_of_addresses_matters() -> None:
    other = dns.message.make_query("web.test.", "A").to_wire()
    assert alike(reply(other, *reversed(ADDRESSES))) == of(*ADDRESSES)


def test_names_may_be_written_out_as_coredns_does_in_small_answers() -> None:
    def written_out(*addresses: str) -> bytes:
        return reply(QUERY, *addresses).replace(b"\xc0\x0c\x00\x01", b"\x03web\x04test\x00\x00\x01")

    assert alike(written_out(*reversed(ADDRESSES))) == alike(written_out(*ADDRESSES))
    assert alike(written_out(*ADDRESSES)) != alike(written_out(*ADDRESSES[:2]))


def test_a_size_that_reads_like_a_pointer_leads_nowhere() -> None:
    query = dns.message.make_query("web.test.", "A", use_edns=True).to_wire()

    def offering(*addresses: str) -> bytes:
        # 1232 bytes, as CoreDNS says them back: in a name they would be a pointer to byte 4096 of this answer.
        head, opt, _ = reply(query, *addresses).rpartition(b"\0\0\x29")
        return head + opt + (1232).to_bytes(2) + bytes(6)

    many = [f"10.0.{at // 256}.{at % 256}" for at in range(300)]
    assert alike(offering(*reversed(many))) == alike(offering(*many))
    assert alike(offering(*many[1:])) != alike(offering(*many))


def test_records_that_a_later_name_leads_into_keep_their_order() -> None:
    def led_into(*addresses: str) -> bytes:
        wire = reply(QUERY, *addresses)
        return wire + bytes([0xC0, len(QUERY)])

    assert alike(led_into(*reversed(ADDRESSES))) != alike(led_into(*ADDRESSES))


@pytest.mark.parametrize(
    "other",
    [
        of("10.0.0.1", "10.0.0.2"),
        of("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        of("10.0.0.1", "10.0.0.2", "10.0.0.4"),
        of(*ADDRESSES, ttl=6),
        of(*ADDRESSES, rcode="NXDOMAIN"),
        of(*ADDRESSES, truncated=True),
        of(*ADDRESSES, soa=True),
    ],
)
def test_everything_else_matters(other: bytes) -> None:
    assert other != of(*ADDRESSES)


def read(wire: bytes) -> object:
    try:
        message = dns.message.from_wire(b"\0\0" + wire, one_rr_per_rrset=True)
    except Exception as error:  # noqa: BLE001 - of whatever kind: that it cannot be read is what is compared
        return type(error)
    return int(message.flags), message.question, sorted(map(str, message.answer)), message.authority, message.additional


@given(
    st.lists(st.sampled_from(ADDRESSES), max_size=5),
    st.lists(st.tuples(st.integers(2, 120), st.integers(0, 255)), max_size=4),
    st.permutations(range(5)),
)
def test_a_message_with_the_same_key_reads_the_same(
    addresses: list[str], changes: list[tuple[int, int]], order: list[int]
) -> None:
    wire = bytearray(reply(QUERY, *addresses, soa=True))
    for at, byte in changes:
        wire[at % len(wire)] = byte
    start = len(QUERY) - 11 if b"\x00\x00\x29" in QUERY else len(QUERY)
    records = [bytes(wire[start + 16 * at : start + 16 * (at + 1)]) for at in range(len(addresses))]
    shuffled = b"".join(records[at] for at in order if at < len(records))
    other = bytes(wire[:start]) + shuffled + bytes(wire[start + 16 * len(addresses) :])
    if alike(bytes(wire)) == alike(other):
        assert read(bytes(wire)[2:]) == read(other[2:])


@given(st.binary(max_size=120))
def test_any_bytes_have_a_key(wire: bytes) -> None:
    assert isinstance(alike(wire), bytes)
