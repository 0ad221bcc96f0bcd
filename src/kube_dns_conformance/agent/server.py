"""The agent: asks from inside its Pod what the suite tells it to, over HTTP, reached through the API server.

``KDC_TOKEN`` is the secret that every request must carry, so that nobody else in the cluster can make it ask anything;
``KDC_BIND`` and ``KDC_PORT`` are where it listens; in the folder ``KDC_KEPT``, if there is one, it keeps what was seen
and not yet taken, and goes on from there when it is started anew. Runs on the standard library alone.
"""

from __future__ import annotations

import hmac
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kube_dns_conformance.agent import batch, resolver
from kube_dns_conformance.agent.connect import connect
from kube_dns_conformance.agent.exchange import exchange
from kube_dns_conformance.agent.flight import Flights
from kube_dns_conformance.agent.kept import boot
from kube_dns_conformance.agent.probes import Probers

TOKEN_HEADER = "Kdc-Token"  # noqa: S105 - its name, not the secret
AGENT_HEADER = "Kdc-Agent"
PARALLEL_EXCHANGES = 64
PARALLEL_RESOLUTIONS = 16
MAX_BODY_BYTES = 16 * 1024 * 1024
IDLE_SECONDS = 60


class Agent(ThreadingHTTPServer):
    """Answers questions about what can be asked from here."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, token: str, kept: Path | None = None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.token = token.encode()
        self.boot = boot().decode()
        # For all batches together: however many come at once, this Pod holds no more sockets than this.
        self.exchanges = ThreadPoolExecutor(PARALLEL_EXCHANGES)
        self.resolutions = ThreadPoolExecutor(PARALLEL_RESOLUTIONS)
        self.probers = Probers(kept)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Say in one line why a request was given up; the other side sees an answer that was cut off."""
        print(f"{client_address}: {sys.exc_info()[1]!r}", file=sys.stderr, flush=True)  # noqa: T201


class _Handler(BaseHTTPRequestHandler):
    server: Agent
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    # Without these two every answer waits 40 ms for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """``/ready`` for the kubelet; ``/hostname`` for who connected; ``/facts`` about this Pod for the suite."""
        if self.path == "/ready":
            self._say(HTTPStatus.OK, b"ready\n")
        elif self.path == "/hostname":
            self._say(HTTPStatus.OK, socket.gethostname().encode())
        elif self._is_allowed() and self.path == "/facts":
            self._say(HTTPStatus.OK, json.dumps(resolver.facts()).encode())
        elif self._is_allowed():
            self._say(HTTPStatus.NOT_FOUND)
        else:
            self._say(HTTPStatus.FORBIDDEN)

    def do_POST(self) -> None:
        """``/exchange`` carries messages to DNS servers, ``/fly`` many of them at a time over UDP.

        ``/resolve`` asks this Pod's resolver, ``/connect`` connects, ``/probe/…`` asks again and again, see `probes`.
        ``/exit`` ends this process, so that the kubelet starts the container anew.
        """
        if not self._is_allowed():
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        if self.path == "/exit":
            self._say(HTTPStatus.OK)
            os._exit(1)
        head = batch.Head(self.server.boot, time.monotonic(), time.time())
        try:
            lines = self._work()[self.path](body)
        except KeyError:
            self._say(HTTPStatus.NOT_FOUND)
        except OSError as error:
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, str(error).encode())
        except (ValueError, TypeError) as error:
            self._say(HTTPStatus.BAD_REQUEST, str(error).encode())
        else:
            self._stream(head, lines)

    def log_message(self, *_: object) -> None:
        """Nothing for each request: a suite asks many thousand times."""

    def _work(self) -> dict[str, Callable[[bytes], Iterable[bytes]]]:
        probers = self.server.probers
        probing = {"/probe/start": probers.start, "/probe/take": probers.take, "/probe/stop": probers.stop}
        return {
            "/exchange": self._exchange,
            "/fly": self._fly,
            "/resolve": self._resolve,
            "/connect": self._connect,
            **probing,
        }

    def _exchange(self, body: bytes) -> Iterator[bytes]:
        requests = batch.decode_requests(body)
        replies = self.server.exchanges.map(partial(exchange, clock=time.monotonic), requests)
        return map(batch.encode_reply, replies)

    def _fly(self, body: bytes) -> Iterator[bytes]:
        requests, rate = batch.decode_flight(body)
        return map(batch.encode_reply, Flights(rate, time.monotonic).fly(requests))

    def _resolve(self, body: bytes) -> Iterator[bytes]:
        names = [(str(name), str(family)) for name, family in json.loads(body)[: batch.MAX_REQUESTS]]
        found = self.server.resolutions.map(lambda one: resolver.resolve(*one), names)
        return (json.dumps(one).encode() + b"\n" for one in found)

    def _connect(self, body: bytes) -> Iterator[bytes]:
        targets = [(str(name), int(port)) for name, port in json.loads(body)[: batch.MAX_REQUESTS]]
        made = self.server.resolutions.map(lambda one: connect(*one), targets)
        return (json.dumps(one).encode() + b"\n" for one in made)

    def _is_allowed(self) -> bool:
        return hmac.compare_digest(self.headers.get(TOKEN_HEADER, "").encode(), self.server.token)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True  # its body was not read, and would be taken for the next request
        self._say(status)

    def _say(self, status: HTTPStatus, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header(AGENT_HEADER, "yes")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, head: batch.Head, lines: Iterable[bytes]) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header(AGENT_HEADER, "yes")
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._chunk(batch.encode_head(head))
        for line in lines:
            self._chunk(line)
        self._chunk(batch.encode_tail(time.monotonic()))
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def main() -> None:
    """Serve until told to end. Prints the port once it listens, which with ``KDC_PORT=0`` is any free one."""
    token = os.environ.get("KDC_TOKEN", "")
    if len(token) < 16:
        sys.exit("KDC_TOKEN must be set to a secret of 16 characters or more")
    kept = os.environ.get("KDC_KEPT")
    port = int(os.environ.get("KDC_PORT", "0"))
    agent = Agent(os.environ.get("KDC_BIND", "127.0.0.1"), port, token, Path(kept) if kept else None)
    # The first process of a container is not ended by a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(agent.server_address[1], flush=True)  # noqa: T201
    agent.serve_forever()


if __name__ == "__main__":
    main()
