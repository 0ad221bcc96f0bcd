"""A real agent process on loopback, and an API server that does nothing but hand requests on to agents."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kubernetes.client import ApiClient, Configuration

from kube_dns_conformance.agent.workload import FILES
from kube_dns_conformance.resources import PACKAGE

TOKEN = "a-secret-of-the-test"


AHEAD = """
import runpy, sys, time
wall, monotonic, ahead = time.time, time.monotonic, float(sys.argv[1])
time.time, time.monotonic = lambda: wall() + ahead, lambda: monotonic() + 7 * ahead
runpy.run_module("kube_dns_conformance.agent.server", run_name="__main__")
"""
"""Runs the agent as on a node whose clock is so many seconds ahead; the other clock has a beginning of its own."""


@contextmanager
def agent_process(directory: Path, ahead: float = 0.0, kept: Path | None = None) -> Iterator[int]:
    """The port of an agent that runs from nothing but the files that go into the cluster, without site-packages.

    It is killed at the end; the next one that is given what it ``kept`` is its successor.
    """
    for file in FILES:
        target = directory / PACKAGE.name / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGE / file, target)
    command = [sys.executable, "-S", "-B", "-c", AHEAD, str(ahead)]
    variables = {"KDC_TOKEN": TOKEN, "KDC_PORT": "0", "PATH": os.environ["PATH"]}
    variables |= {"KDC_KEPT": str(kept)} if kept else {}
    with subprocess.Popen(command, cwd=directory, env=variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


Hand = Callable[[BaseHTTPRequestHandler], bool]
"""Called before a request is handed on; True when it has answered (or broken) the request itself."""


@contextmanager
def api_server(pods: dict[str, int], before: Hand = lambda request: False, cut_at: int = 0) -> Iterator[ApiClient]:
    """A client of an API server whose Pod proxy reaches these Pods, given with their ports on loopback.

    ``cut_at`` breaks the connection after so many bytes of an agent's answer.
    """
    server = _ApiServer(pods, before, cut_at)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings = Configuration(host=f"http://127.0.0.1:{server.server_port}")
    settings.retries = False
    settings.api_key["authorization"] = "Bearer of-the-user"
    try:
        with ApiClient(settings) as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _ApiServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pods: dict[str, int], before: Hand, cut_at: int) -> None:
        super().__init__(("127.0.0.1", 0), _Proxy)
        self.pods = pods
        self.before = before
        self.cut_at = cut_at


class _Proxy(BaseHTTPRequestHandler):
    server: _ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._forward()

    def do_POST(self) -> None:
        self._forward()

    def log_message(self, *_: object) -> None:
        pass

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.server.before(self):
            return
        start, _, path = self.path.partition(":8765/proxy")
        name = start.removeprefix("/api/v1/namespaces/agents/pods/")
        if name not in self.server.pods:
            refuse(self, 404, f'pods "{name}" not found')
            return
        try:
            self._hand_on(http.client.HTTPConnection("127.0.0.1", self.server.pods[name]), path, body)
        except OSError as error:
            refuse(self, 503, f"error trying to reach service: {error}")

    def _hand_on(self, connection: http.client.HTTPConnection, path: str, body: bytes) -> None:
        # The API server keeps the user's credentials to itself.
        headers = {name: text for name, text in self.headers.items() if name.lower() != "authorization"}
        connection.request(self.command, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        self.send_response(answer.status)
        for header, value in answer.getheaders():
            if header not in {"Transfer-Encoding", "Content-Length", "Server", "Date"}:
                self.send_header(header, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: self.server.cut_at] if self.server.cut_at else data)
        self.close_connection = bool(self.server.cut_at)


def refusing(gone: list[bool]) -> Hand:
    """What keeps agent-a out of reach for as long as there is something in ``gone``."""

    def is_gone(request: BaseHTTPRequestHandler) -> bool:
        if gone and "agent-a" in request.path:
            request.send_error(503)
            return True
        return False

    return is_gone


def refuse(request: BaseHTTPRequestHandler, status: int, message: str) -> bool:
    """Answer the way an API server refuses."""
    body = b'{"kind": "Status", "message": "%s"}' % message.replace('"', r"\"").encode()
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
    return True
