"""A batch of requests, and the replies to it, as they travel between the suite and the agent.

Requests are one JSON list. Replies are JSON lines, so that neither side holds the text of all of them at once: a head,
a line for each request in the same order, and a tail. An answer without its tail was cut off on the way.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from kube_dns_conformance.agent.exchange import Reply, Request

MAX_REQUESTS = 5000
MAX_SECONDS = 60.0
TRANSPORTS = ("udp", "tcp", "pipelined")


class CutOffError(ValueError):
    """The replies did not come whole."""


class Head(NamedTuple):
    """What the agent says of itself before it asks: ``monotonic`` is the clock that all its times are told by, ``boot``
    changes with that clock when its node is started anew, ``wall`` is its node's idea of the time of day (seconds since
    the epoch)."""

    boot: str
    monotonic: float
    wall: float


class Replies(NamedTuple):
    """The replies to one batch, and when by the agent's clock it was done with them."""

    head: Head
    replies: list[Any]
    ended: float


def encode_requests(requests: Iterable[Request]) -> bytes:
    """For ``POST /exchange``."""
    return json.dumps(_as_data(requests)).encode()


def decode_requests(body: bytes) -> list[Request]:
    """Raises ValueError for anything that is not a batch of requests within the limits."""
    return _requests(json.loads(body))


def encode_flight(requests: Iterable[Request], rate: float) -> bytes:
    """For ``POST /fly``: no more than ``rate`` of them a second."""
    return json.dumps({"rate": rate, "requests": _as_data(requests)}).encode()


def decode_flight(body: bytes) -> tuple[list[Request], float]:
    """Raises ValueError like `decode_requests`, also for what is not to go over UDP."""
    found = json.loads(body)
    requests, rate = _requests(found["requests"]), float(found["rate"])
    if rate < 0 or any(one.transport != "udp" for one in requests):
        raise ValueError("a flight goes over UDP")
    return requests, rate


def encode_head(head: Head) -> bytes:
    """The first line."""
    return _line(list(head))


def encode_reply(reply: Reply) -> bytes:
    """The line for one exchange."""
    head = [reply.sent, reply.seconds, _text(reply.wire), reply.problem]
    return _line([*head, list(reply.strays), reply.ours, reply.again])


def encode_tail(ended: float) -> bytes:
    """The last line."""
    return _line({"ended": ended})


def decode_reply(line: Any) -> Reply:
    """The opposite of `encode_reply`, given the parsed line."""
    sent, seconds, wire, problem, strays, ours, again = line
    return Reply(sent, seconds, base64.b64decode(wire), problem, tuple(strays), ours, again)


def decode_replies(body: bytes, count: int | None = None) -> Replies:
    """Take an answer to pieces. Raises CutOffError unless all ``count`` replies, where it is known, and the tail are
    there."""
    lines = body.splitlines()
    try:
        head, *found, tail = [json.loads(one) for one in lines]
        ended = float(tail["ended"])
        taken = Replies(Head(*head), found, ended)
    except (ValueError, TypeError, KeyError) as error:
        raise CutOffError(f"{max(len(lines) - 1, 0)} of {'all' if count is None else count} replies came") from error
    if count is not None and len(found) != count:
        raise CutOffError(f"{len(found)} of {count} replies came")
    return taken


def _as_data(requests: Iterable[Request]) -> list[Any]:
    return [[*one[:3], _text(one.wire), one.timeout] for one in requests]


def _requests(found: Any) -> list[Request]:
    if not isinstance(found, list) or len(found) > MAX_REQUESTS:
        raise ValueError(f"not a list of at most {MAX_REQUESTS} requests")
    return [_request(one) for one in found]


def _request(one: Any) -> Request:
    if not isinstance(one, list) or [type(part) for part in one[:4]] != [str, int, str, str] or len(one) != 5:
        raise ValueError("a request is host, port, transport, message and time limit")
    host, port, transport, wire, timeout = one
    if transport not in TRANSPORTS or not 0 < port < 65536 or not 0 < float(timeout) <= MAX_SECONDS:
        raise ValueError(f"no transport, port or time limit: {transport!r} {port} {timeout}")
    message = base64.b64decode(wire, validate=True)
    if transport != "pipelined" and len(message) > 65535:
        raise ValueError("a message has at most 65535 bytes")
    return Request(host, port, transport, message, float(timeout))


def _text(wire: bytes) -> str:
    return base64.b64encode(wire).decode()


def _line(data: object) -> bytes:
    return json.dumps(data).encode() + b"\n"
