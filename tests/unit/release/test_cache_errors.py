"""A cache that cannot be written to is one clear error."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.toolchain import Table, Toolchain
from release_host import DEMO, PLAIN, Host, publish_plain, table_in


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
