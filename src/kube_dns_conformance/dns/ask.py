"""Asks one question, or a batch of them, over UDP or TCP from this process.

The sockets are our own, so that the bytes of a malformed answer are kept and nothing is retried, cached or hidden;
dnspython builds and parses the messages.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from kube_dns_conformance.dns.model import Answer, Question, Record, Server, Transport

PARALLEL_QUESTIONS = 16
PLAIN_UDP_BYTES = 512


class _Unusable(Exception):
    """There is no usable answer; the text says why and becomes ``Answer.problem``."""

    def __init__(self, why: str, wire: bytes = b"") -> None:
        super().__init__(why)
        self.wire = wire


def ask_all(asks: Iterable[tuple[Question, Server, Transport]], timeout: float) -> list[Answer]:
    """Ask a batch; the answers come in the order of the questions. ``timeout`` is seconds for each question."""
    with ThreadPoolExecutor(PARALLEL_QUESTIONS) as pool:
        return list(pool.map(lambda one: ask(*one, timeout=timeout), asks))


def ask(question: Question, server: Server, transport: Transport = "udp", *, timeout: float) -> Answer:
    """Ask once. Never raises for what a server does: silence and garbage are answers too (``Answer.problem``)."""
    query = dns.message.make_query(
        question.name,
        question.rdtype,
        use_edns=question.udp_payload is not None,
        payload=question.udp_payload or 0,
    )
    exchange = _udp if transport == "udp" else _tcp
    sent, began = time.time(), time.monotonic()
    try:
        wire = exchange(query.to_wire(), server, timeout)
        if transport == "udp":
            _insist_on_size(wire, question)
        response = _parse(query, wire)
    except _Unusable as unusable:
        elapsed = time.monotonic() - began
        return Answer(question, server, transport, sent, elapsed, problem=str(unusable), wire=unusable.wire)
    return Answer(
        question,
        server,
        transport,
        sent,
        time.monotonic() - began,
        rcode=dns.rcode.to_text(response.rcode()),
        truncated=bool(response.flags & dns.flags.TC),
        records=_records(response.answer),
        authority=_records(response.authority),
        wire=wire,
    )


def _udp(query: bytes, server: Server, timeout: float) -> bytes:
    try:
        with socket.socket(_family(server), socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((server.host, server.port))  # connected: an ICMP "refused" is heard, strangers are not
            sock.send(query)
            return sock.recv(65535)
    except TimeoutError:
        raise _Unusable(f"no answer within {timeout:g} s") from None
    except OSError as error:
        raise _Unusable(_reason(error)) from None


def _tcp(query: bytes, server: Server, timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    try:
        with socket.create_connection((server.host, server.port), timeout=timeout) as sock:
            sock.sendall(struct.pack("!H", len(query)) + query)
            (length,) = struct.unpack("!H", _receive(sock, 2, deadline))
            return _receive(sock, length, deadline)
    except TimeoutError:
        raise _Unusable(f"no answer within {timeout:g} s") from None
    except OSError as error:
        raise _Unusable(_reason(error)) from None


def _receive(sock: socket.socket, length: int, deadline: float) -> bytes:
    data = b""
    while len(data) < length:
        # A deadline for the whole answer: a server that drips one byte a second must not hold us for ever.
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        more = sock.recv(length - len(data))
        if not more:
            raise _Unusable(f"connection closed after {len(data)} of {length} bytes", data)
        data += more
    return data


def _family(server: Server) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in server.host else socket.AF_INET


def _reason(error: OSError) -> str:
    return "connection refused" if isinstance(error, ConnectionRefusedError) else f"{error.strerror or error}"


def _insist_on_size(wire: bytes, question: Question) -> None:
    """What is larger than was offered may never arrive elsewhere (RFC 1035 section 4.2.1, RFC 6891 section 6.2.5)."""
    offered = max(question.udp_payload or 0, PLAIN_UDP_BYTES)
    if len(wire) > offered:
        raise _Unusable(f"answer of {len(wire)} bytes over UDP where at most {offered} were offered to be taken", wire)


def _parse(query: dns.message.Message, wire: bytes) -> dns.message.Message:
    try:
        # one_rr_per_rrset: by default duplicates and differing TTLs are merged away, which would hide two kinds of lie.
        response = dns.message.from_wire(wire, one_rr_per_rrset=True)
    except Exception as error:  # noqa: BLE001 - the bytes are a stranger's, and dnspython does not name all it raises
        raise _Unusable(f"malformed answer of {len(wire)} bytes: {_what(error)}", wire) from None
    if response.id != query.id:
        raise _Unusable("answer with the wrong id", wire)
    if not response.flags & dns.flags.QR:
        raise _Unusable("the question came back instead of an answer", wire)
    if response.question != query.question and response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        asked = " ".join(str(question) for question in response.question) or "none"
        raise _Unusable(f"answer to another question: {asked}", wire)
    return response


def _what(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _records(section: list[dns.rrset.RRset]) -> tuple[Record, ...]:
    return tuple(
        Record(str(rrset.name).lower(), _type(rrset), rrset.ttl, rdata.to_text().lower())
        for rrset in section
        for rdata in rrset
    )


def _type(rrset: dns.rrset.RRset) -> str:
    """The record type, with the class in front unless it is IN: a record of another class is another record."""
    text = dns.rdatatype.to_text(rrset.rdtype)
    return text if rrset.rdclass == dns.rdataclass.IN else f"{dns.rdataclass.to_text(rrset.rdclass)} {text}"
