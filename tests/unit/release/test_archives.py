"""Releases that come in archives, and checksums that come from a release API."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.toolchain import Toolchain
from release_host import DEMO, Host, sha256

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
