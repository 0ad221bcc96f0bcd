"""A release host on loopback, and a table of tools whose only unit comes from there."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kube_dns_conformance.toolchain import Table, load_table

GO = 'go = { module = "example.invalid/demo", package = "example.invalid/demo", needs = "1.26.0", megabytes = 70 }\n'
PLAIN = """
[demo]
version = "1.2.3"
megabytes = 7
binaries = { demo = ["--version"], helper = ["--version"] }
release = { url = "BASE/v{version}/{binary}", checksum = "{url}.sha256" }
"""
DEMO = b"#!/bin/sh\necho demo v1.2.3\n"
HELPER = b"#!/bin/sh\necho helper v1.2.3\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Host:
    """A release host on loopback: path → content; every path that was asked for is in ``asked``."""

    def __init__(self, port: int = 0) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.half_sent = threading.Event()
        self.rest_may_go = threading.Event()
        self.rest_may_go.set()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append(self.path)
                content = host.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.send_halves(content or b"")

            def send_halves(self, content: bytes) -> None:
                self.wfile.write(content[: len(content) // 2])
                if not self.path.endswith(".sha256"):
                    host.half_sent.set()
                    host.rest_may_go.wait(30)
                self.wfile.write(content[len(content) // 2 :])

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def publish(self, path: str, content: bytes) -> None:
        self.files[path] = content
        self.files[f"{path}.sha256"] = sha256(content).encode()

    def stop(self) -> None:
        self.rest_may_go.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def table_in(folder: Path, row: str, base: str) -> Table:
    file = folder / "tools.toml"
    file.write_text(row.replace("BASE", base) + GO)
    return load_table(file)


def slot(folder: Path) -> Path:
    """The directory of versions of the only unit; its one visible directory is the finished unit."""
    return folder / "cache" / "tools" / "demo" / "1.2.3"


def finished(folder: Path) -> list[Path]:
    return [path for path in slot(folder).glob("[!.]*") if path.is_dir()]


def unfinished(folder: Path) -> list[Path]:
    return list(slot(folder).glob(".*"))


def publish_plain(host: Host) -> None:
    host.publish("/v1.2.3/demo", DEMO)
    host.publish("/v1.2.3/helper", HELPER)
