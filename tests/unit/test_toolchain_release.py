"""Release files from a server of our own, and the cache they end up in."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import kube_dns_conformance
from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.toolchain import Table, Toolchain, load_table, release

GO = 'go = { module = "example.invalid/demo", package = "example.invalid/demo", needs = "1.26.0", megabytes = 70 }\n'
PLAIN = """
[demo]
version = "1.2.3"
megabytes = 7
binaries = { demo = ["--version"], helper = ["--version"] }
release = { url = "BASE/v{version}/{binary}", checksum = "{url}.sha256" }
"""
ARCHIVE = """
[demo]
version = "1.2.3"
megabytes = 7
binaries = { demo = ["--version"] }
release = { url = "BASE/demo-{version}.tgz", member = "demo-v{version}/{binary}", checksum = "BASE/SHA256SUMS" }
"""
DIGESTS = """
[demo]
version = "1.2.3"
megabytes = 7
binaries = { demo = ["--version"] }
release = { url = "BASE/files/{binary}", digests = "BASE/api/v{version}" }
"""
DEMO = b"#!/bin/sh\necho demo v1.2.3\n"
HELPER = b"#!/bin/sh\necho helper v1.2.3\n"
NEED = """
import sys
from pathlib import Path
from kube_dns_conformance.toolchain import Toolchain, load_table
print(Toolchain(cache=Path(sys.argv[2]), table=load_table(Path(sys.argv[1]))).need("demo")["demo"])
"""


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


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that was closed in one test may be a release host's in the next."""
    monkeypatch.setattr(release, "_unreachable", {})


@pytest.fixture
def host() -> Iterator[Host]:
    running = Host()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_go_and_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing on PATH and no proxy, so that each test knows which way a unit can come."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def use(tmp_path: Path, host: Host) -> Callable[[str], Toolchain]:
    """A toolchain over a table of the test's own, with the cache in ``tmp_path / "cache"``."""

    def toolchain(row: str) -> Toolchain:
        return Toolchain(cache=tmp_path / "cache", table=table_in(tmp_path, row, host.base))

    return toolchain


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


# The release


def test_a_release_with_the_right_checksum_is_used(host: Host, use: Callable[[str], Toolchain], tmp_path: Path) -> None:
    publish_plain(host)
    found = use(PLAIN).need("helper", "demo")
    assert list(found) == ["helper", "demo"]
    assert found["demo"].read_bytes() == DEMO
    assert subprocess.check_output([found["helper"]], text=True) == "helper v1.2.3\n"
    assert [found["demo"].parent] == finished(tmp_path)
    assert unfinished(tmp_path) == []


def test_the_origin_of_a_unit_is_written_beside_it(host: Host, use: Callable[[str], Toolchain]) -> None:
    publish_plain(host)
    origin = json.loads((use(PLAIN).need("demo")["demo"].parent / "origin.json").read_text())
    del origin["made"]
    assert origin == {
        "unit": "demo",
        "version": "1.2.3",
        "source": {"release": [f"{host.base}/v1.2.3/demo", f"{host.base}/v1.2.3/helper"]},
        "binaries": {
            "demo": {"sha256": sha256(DEMO), "bytes": 27},
            "helper": {"sha256": sha256(HELPER), "bytes": 29},
        },
    }


def test_a_wrong_checksum_is_an_error_that_names_file_expected_and_got(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_plain(host)
    host.files["/v1.2.3/helper"] = b"something else"
    with pytest.raises(ToolchainError) as caught:
        use(PLAIN).need("demo")
    assert caught.value.message == (
        f"{host.base}/v1.2.3/helper is not what its checksum says: "
        f"expected sha256 {sha256(HELPER)}, got {sha256(b'something else')}"
    )
    assert (finished(tmp_path), unfinished(tmp_path)) == ([], [])


def test_a_wrong_checksum_never_leads_to_a_build(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(f"#!/bin/sh\necho asked > {tmp_path}/go-was-asked\nexit 1\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(go.parent))
    publish_plain(host)
    host.files["/v1.2.3/demo"] = b"something else"
    with pytest.raises(ToolchainError, match="is not what its checksum says"):
        use(PLAIN).need("demo")
    assert not (tmp_path / "go-was-asked").exists()


@pytest.mark.parametrize("missing", ["/v1.2.3/helper", "/v1.2.3/helper.sha256"])
def test_a_file_that_is_not_published_leads_to_the_next_way(
    missing: str, host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_plain(host)
    del host.files[missing]
    with pytest.raises(ToolchainError) as caught:
        use(PLAIN).need("demo")
    assert f"its release cannot be had ({host.base}{missing} answers 404)" in caught.value.message
    assert "there is no go on PATH" in caught.value.message
    assert (finished(tmp_path), unfinished(tmp_path)) == ([], [])


@pytest.mark.parametrize("sums", [b"", b"<html>please log in</html>", b"abc123  demo", b"0" * 64 + b"  other"])
def test_a_file_without_a_published_checksum_is_not_even_downloaded(
    sums: bytes, host: Host, use: Callable[[str], Toolchain]
) -> None:
    publish_plain(host)
    host.files["/v1.2.3/demo.sha256"] = sums
    with pytest.raises(ToolchainError, match=r"/v1\.2\.3/demo\.sha256 has no sha256 of demo"):
        use(PLAIN).need("demo")
    assert host.asked == ["/v1.2.3/demo.sha256"]


def test_a_binary_that_says_another_version_than_its_release_is_refused(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_plain(host)
    host.publish("/v1.2.3/demo", b"#!/bin/sh\necho demo v1.2.2\n")
    with pytest.raises(ToolchainError, match=r"demo was made for demo 1\.2\.3, but is version 1\.2\.2"):
        use(PLAIN).need("demo")
    assert finished(tmp_path) == []


def test_an_unreachable_host_is_asked_only_once(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    toolchain = Toolchain(cache=tmp_path / "cache", table=table_in(tmp_path, PLAIN, f"http://127.0.0.1:{port}"))
    with pytest.raises(ToolchainError, match=f"no connection to 127.0.0.1:{port}"):
        toolchain.need("demo")
    late = Host(port)
    try:
        publish_plain(late)
        with pytest.raises(ToolchainError, match=f"no connection to 127.0.0.1:{port}"):
            toolchain.need("demo")
        assert late.asked == []
    finally:
        late.stop()


# Archives and digests


def publish_archive(host: Host, *members: tuple[tarfile.TarInfo, bytes]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    host.files["/demo-1.2.3.tgz"] = buffer.getvalue()
    lines = [f"{'0' * 64}  demo-1.2.3.zip", f"{sha256(buffer.getvalue())}  demo-1.2.3.tgz"]
    host.files["/SHA256SUMS"] = "\n".join(lines).encode()


def test_exactly_the_one_member_is_taken_out_of_an_archive(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_archive(
        host,
        (tarfile.TarInfo("../../outside"), b"evil"),
        (tarfile.TarInfo("demo-v1.2.3/demo"), DEMO),
        (tarfile.TarInfo("demo-v1.2.3/democtl"), b"not asked for"),
    )
    found = use(ARCHIVE).need("demo")["demo"]
    assert found.read_bytes() == DEMO
    assert sorted(path.name for path in found.parent.iterdir()) == ["demo", "origin.json"]
    assert not list(tmp_path.rglob("outside"))


def test_an_archive_without_the_member_leads_to_the_next_way(host: Host, use: Callable[[str], Toolchain]) -> None:
    publish_archive(host, (tarfile.TarInfo("demo"), DEMO))
    with pytest.raises(
        ToolchainError, match=r"demo-1\.2\.3\.tgz has no member demo-v1\.2\.3/demo\), and there is no go"
    ):
        use(ARCHIVE).need("demo")


def test_a_member_that_is_a_link_is_not_followed(host: Host, use: Callable[[str], Toolchain]) -> None:
    link = tarfile.TarInfo("demo-v1.2.3/demo")
    link.type, link.linkname = tarfile.SYMTYPE, "/bin/sh"
    publish_archive(host, (link, b""))
    with pytest.raises(ToolchainError, match=r"demo-v1\.2\.3/demo in demo-1\.2\.3\.tgz is not a file"):
        use(ARCHIVE).need("demo")


def test_something_that_is_no_archive_leads_to_the_next_way(host: Host, use: Callable[[str], Toolchain]) -> None:
    host.files["/demo-1.2.3.tgz"] = b"no archive"
    host.files["/SHA256SUMS"] = f"{sha256(b'no archive')} *demo-1.2.3.tgz".encode()
    with pytest.raises(ToolchainError, match=r"demo-1\.2\.3\.tgz cannot be unpacked"):
        use(ARCHIVE).need("demo")


def test_a_digest_from_the_release_api_serves_as_checksum(host: Host, use: Callable[[str], Toolchain]) -> None:
    host.files["/files/demo"] = DEMO
    assets = [
        {"name": "demo.exe", "digest": "sha256:" + "0" * 64},
        {"name": "demo", "digest": f"sha256:{sha256(DEMO)}"},
    ]
    host.files["/api/v1.2.3"] = json.dumps({"assets": assets}).encode()
    assert use(DIGESTS).need("demo")["demo"].read_bytes() == DEMO


@pytest.mark.parametrize(
    "answer",
    [
        {"message": "rate limit"},
        {"assets": []},
        {"assets": [{"name": "demo", "digest": None}]},
        {"assets": [{"name": "demo", "digest": "md5:abc"}]},
        ["?"],
    ],
)
def test_a_release_api_without_the_digest_leads_to_the_next_way(
    answer: object, host: Host, use: Callable[[str], Toolchain]
) -> None:
    host.files["/files/demo"] = DEMO
    host.files["/api/v1.2.3"] = json.dumps(answer).encode()
    with pytest.raises(ToolchainError, match=r"/api/v1\.2\.3 has no (digest|sha256) of demo"):
        use(DIGESTS).need("demo")
    assert host.asked == ["/api/v1.2.3"]


# The cache


def test_a_unit_in_the_cache_costs_no_request(host: Host, use: Callable[[str], Toolchain]) -> None:
    publish_plain(host)
    first = use(PLAIN).need("demo", "helper")
    asked = list(host.asked)
    assert use(PLAIN).need("demo", "helper") == first
    assert host.asked == asked


def test_each_version_has_a_place_of_its_own(host: Host, tmp_path: Path) -> None:
    publish_plain(host)
    host.publish("/v1.2.4/demo", DEMO.replace(b"1.2.3", b"1.2.4"))
    host.publish("/v1.2.4/helper", HELPER.replace(b"1.2.3", b"1.2.4"))
    table = table_in(tmp_path, PLAIN, host.base)
    old = Toolchain(cache=tmp_path / "cache", table=table).need("demo")["demo"]
    new = Toolchain({"demo": "v1.2.4"}, cache=tmp_path / "cache", table=table).need("demo")["demo"]
    assert (old.read_bytes(), new.read_bytes()) == (DEMO, DEMO.replace(b"1.2.3", b"1.2.4"))


def test_the_environment_says_where_the_cache_is(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_plain(host)
    monkeypatch.setenv("KDC_CACHE", str(tmp_path / "elsewhere"))
    found = Toolchain(table=table_in(tmp_path, PLAIN, host.base)).need("demo")["demo"]
    assert found.is_relative_to(tmp_path / "elsewhere" / "tools" / "demo" / "1.2.3")


def test_directories_are_for_this_user_only(host: Host, use: Callable[[str], Toolchain], tmp_path: Path) -> None:
    publish_plain(host)
    before = os.umask(0o002)
    try:
        use(PLAIN).need("demo")
    finally:
        os.umask(before)
    folders = [tmp_path / "cache", *(path for path in (tmp_path / "cache").rglob("*") if path.is_dir())]
    assert [oct(folder.stat().st_mode & 0o777) for folder in folders] == ["0o700"] * 5


@pytest.mark.parametrize("damage", ["shorter", "gone", "not executable", "no origin"])
def test_a_damaged_unit_is_made_again(damage: str, host: Host, use: Callable[[str], Toolchain], tmp_path: Path) -> None:
    publish_plain(host)
    helper = use(PLAIN).need("demo")["demo"].parent / "helper"
    match damage:
        case "shorter":
            helper.write_bytes(HELPER[:-5])
        case "gone":
            helper.unlink()
        case "not executable":
            helper.chmod(0o644)
        case "no origin":
            (helper.parent / "origin.json").unlink()
    assert use(PLAIN).need("helper")["helper"].read_bytes() == HELPER
    assert os.access(helper, os.X_OK)
    assert unfinished(tmp_path) == []


def start_need(folder: Path, host: Host) -> subprocess.Popen[str]:
    """Another process that needs ``demo``."""
    table_in(folder, PLAIN, host.base)
    source = str(Path(kube_dns_conformance.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", NEED, str(folder / "tools.toml"), str(folder / "cache")],
        env={"PATH": str(folder / "empty"), "PYTHONPATH": source, "NO_PROXY": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_two_processes_one_makes_a_unit_and_the_other_waits_for_it(host: Host, tmp_path: Path) -> None:
    publish_plain(host)
    host.rest_may_go.clear()
    racers = [start_need(tmp_path, host), start_need(tmp_path, host)]
    assert host.half_sent.wait(20)
    time.sleep(3)  # both are there now; the one that waits says so after two seconds
    host.rest_may_go.set()
    outputs = [racer.communicate(timeout=20) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert {output for output, _ in outputs} == {f"{finished(tmp_path)[0] / 'demo'}\n"}
    assert sorted(host.asked) == sorted(host.files)
    said = sorted(errors.splitlines()[0] for _, errors in outputs)
    assert said[0].startswith("… demo 1.2.3: downloading demo")
    assert said[1].startswith("… demo 1.2.3: waiting for another process that is making it")


def test_a_process_killed_in_the_middle_leaves_nothing_that_looks_finished(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_plain(host)
    host.rest_may_go.clear()
    victim = start_need(tmp_path, host)
    assert host.half_sent.wait(20)
    victim.kill()
    victim.communicate()
    assert (finished(tmp_path), len(unfinished(tmp_path))) == ([], 1)
    host.rest_may_go.set()
    assert use(PLAIN).need("demo")["demo"].read_bytes() == DEMO
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_process_that_is_told_to_stop_cleans_up(number: int, code: int, host: Host, tmp_path: Path) -> None:
    publish_plain(host)
    host.rest_may_go.clear()
    victim = start_need(tmp_path, host)
    assert host.half_sent.wait(20)
    victim.send_signal(number)
    victim.communicate(timeout=20)
    assert victim.returncode == code
    assert (finished(tmp_path), unfinished(tmp_path)) == ([], [])


# A cache that cannot be written to


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small file system of its own with the given options; needs root."""
    folder = tmp_path / "mounted"
    folder.mkdir()

    def small(options: str) -> Path:
        command = ["/bin/mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
            pytest.skip("cannot mount a file system here")
        return folder

    yield small
    subprocess.run(["/bin/umount", str(folder)], check=False, capture_output=True)


HINT = (
    "demo 1.2.3 needs about 7 MB (70 MB while it is built with Go) and write permission in {}/tools/demo/1.2.3; "
    "KDC_CACHE=DIRECTORY moves the cache elsewhere"
)


def failure(cache: Path, table: Table) -> ToolchainError:
    with pytest.raises(ToolchainError) as caught:
        Toolchain(cache=cache, table=table).need("demo")
    return caught.value


def test_a_full_disk_is_one_clear_error(host: Host, tmp_path: Path, mount: Callable[[str], Path]) -> None:
    publish_plain(host)
    host.publish("/v1.2.3/demo", DEMO + bytes(1 << 20))
    cache = mount("size=256k,mode=0700")
    error = failure(cache, table_in(tmp_path, PLAIN, host.base))
    assert error.message == f"cannot write to the tool cache: {cache}/tools/demo/1.2.3: No space left on device"
    assert error.hint == HINT.format(cache)
    assert list(cache.rglob(".linux*")) == []


def test_a_read_only_cache_is_one_clear_error(host: Host, tmp_path: Path, mount: Callable[[str], Path]) -> None:
    publish_plain(host)
    cache = mount("ro")
    error = failure(cache, table_in(tmp_path, PLAIN, host.base))
    assert error.message == f"cannot write to the tool cache: {cache}/tools: Read-only file system"
    assert error.hint == HINT.format(cache)


def test_a_cache_of_somebody_else_is_one_clear_error(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_plain(host)
    use(PLAIN).need("demo")  # everything is imported before the change of user
    table = table_in(tmp_path, PLAIN, host.base)
    me = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        cache = Path(name)
        cache.chmod(0o555)
        os.seteuid(me or 65534)  # permissions do not stop root
        try:
            error = failure(cache, table)
        finally:
            os.seteuid(me)
    assert error.message == f"cannot write to the tool cache: {cache}/tools: Permission denied"
    assert error.hint == HINT.format(cache)


def test_a_cache_that_is_a_file_is_one_clear_error(host: Host, tmp_path: Path) -> None:
    publish_plain(host)
    cache = tmp_path / "file"
    cache.write_text("")
    error = failure(cache, table_in(tmp_path, PLAIN, host.base))
    assert error.message == f"cannot write to the tool cache: {cache}: File exists"
